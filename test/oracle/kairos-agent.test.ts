/** The command line of kairos-agent on a disk of Kairos that the kernel has mounted. Needs root. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { answerTo } from "../../src/cli/kairos-agent/answer.ts";
import { MiB } from "../../src/lib/units.ts";
import { kairos } from "../../src/slot/kairos/kairos.ts";
import type { System } from "../../src/system/system.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";
import { directory, IDENTITY } from "../fakes/ext4-image.ts";
import { command } from "../peers/command.ts";
import { complaints, writeExt4 } from "../peers/ext4-tools.ts";
import { kairosMachine, type KairosBoot, type KairosMachine } from "../peers/kairos-machine.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const LABELS = { active: "COS_ACTIVE", passive: "COS_PASSIVE", recovery: "COS_SYSTEM" } as const;
const ADMIN =
  "#cloud-config\nusers: [{name: kairos, groups: [admin]}]\nupgrade: {system: {size: 40}, extra-dirs-rootfs: [/data]}\n";
const GRUB_CFG = 'menuentry "x" --id cos {\nmenuentry "y" --id fallback {\n';

function writeSystem(path: string, name: keyof typeof LABELS): string {
  const uuid = `00000000-0000-4000-8000-00000000000${Object.keys(LABELS).indexOf(name)}`;
  const identity = { ...IDENTITY, label: LABELS[name], uuid };
  const format = { sizeBytes: 4 * MiB, checksums: "descriptors", identity } as const;
  writeExt4(path, format, (image) => directory({ name: image.file(name) }));
  return path;
}

async function machine(from: KairosBoot["from"] = "active"): Promise<KairosMachine> {
  await using folder = await temporaryFolder();
  const image = (name: keyof typeof LABELS): string => writeSystem(folder.in(name), name);
  const setup = {
    active: image("active"),
    passive: image("passive"),
    recovery: image("recovery"),
    grubenv: { extra_cmdline: "quiet" },
    assessment: {},
    stateBytes: 128 * MiB,
    recoveryBytes: 96 * MiB,
  };
  return await kairosMachine(setup, { from });
}

/** The folders with configuration of this machine are not looked into. */
const isConfig = (path: string): boolean => /^\/(?:oem|etc\/kairos|usr\/local)\b/.test(path);

/** The same machine with a configuration, and with its devices listed by label. */
function configured({ system, device }: KairosMachine): System {
  const texts = new Map([
    ["/oem/90_custom.yaml", ADMIN],
    ["/etc/cos/grub.cfg", GRUB_CFG],
    ["/proc/cmdline", "root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img\n"],
  ]);
  const links = new Map(
    (["state", "recovery", "oem", "persistent"] as const).map((part) => [
      `/dev/disk/by-label/COS_${part.toUpperCase()}`,
      `../..${device(part).slice("/dev".length)}`,
    ]),
  );
  const { files } = system;
  return {
    ...system,
    environment: {},
    userId: 0,
    files: {
      ...files,
      list: (path) =>
        path === "/oem" ? ["90_custom.yaml"] : isConfig(path) ? [] : files.list(path),
      kind: (path) => (texts.has(path) ? "a file" : files.kind(path)),
      readText: (path) => texts.get(path) ?? files.readText(path),
    },
    readLink: (path) => links.get(path) ?? system.readLink(path),
    isExecutable: () => false,
  };
}

async function run(system: System, words: readonly string[]) {
  const answer = answerTo({ system, programs: { isSelf: () => false } }, words);
  if (answer.kind !== "work") throw new Error(`no work: ${JSON.stringify(answer)}`);
  let text = "";
  const status = await answer.work({
    print: (part) => void (text += part),
    export: () => {},
    signal: new AbortController().signal,
  });
  return { status, text };
}

/** A folder that holds a system of Kairos. */
function kairosSystem(path: string, version: string): string {
  const files = {
    "boot/vmlinuz": kernelOf(version),
    "boot/initrd": initrdOf(version),
    "etc/cos/bootargs.cfg": "set kernelcmd=x\n",
    "etc/kairos-release": `KAIROS_VERSION="${version}"\n`,
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

const uuidsOf = (system: System): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(kairos.open(system, {}).slots).map(([name, slot]) => [
      name,
      slot.uuid?.slice(-1),
    ]),
  );

/** COS_PERSISTENT, mounted somewhere. */
async function persistent({ device, folder }: KairosMachine): Promise<AsyncDisposable> {
  mkdirSync(folder.in("persistent"));
  await command("mount", "-t", "ext4", device("persistent"), folder.in("persistent"));
  return {
    [Symbol.asyncDispose]: async () => void (await command("umount", folder.in("persistent"))),
  };
}

test("kairos-agent upgrade replaces the active system, keeps it as passive, and tries the new one", async () => {
  await using box = await machine();
  await using folder = await temporaryFolder();
  await using _ = await persistent(box);
  const system = configured(box);
  const source = kairosSystem(folder.in("new"), "v0.2.0");
  const { status, text } = await run(system, ["--debug", "upgrade", "--source", `dir:${source}`]);
  expect({ status, text }).toMatchObject({ status: 0 });
  for (const line of [
    "INF Boot Mode boot_mode=active_boot",
    `INF deploying image ${source} to /run/initramfs/cos-state/cOS/transition.img`,
    "INF Upgrade completed",
    "INF Default boot entry set to cos",
  ])
    expect(text).toContain(`${line}\n`);
  expect(readdirSync(join(box.mount, "cOS")).toSorted()).toEqual(["active.img", "passive.img"]);
  expect(uuidsOf(system)).toMatchObject({ passive: "0", recovery: "2" });
  const active = join(box.mount, "cOS/active.img");
  expect(statSync(active).size).toBeGreaterThanOrEqual(40 * MiB);
  expect(await complaints(active)).toEqual([]);
  {
    await using mount = await loopMount(active);
    for (const name of ["data", "oem", "usr/local"])
      expect(statSync(join(mount.path, name)).mode & 0o777).toBe(0o755);
  }
  expect(readFileSync(join(box.folder.in("oem"), "grubenv"), "utf8")).toContain("next_entry=cos\n");
  const noted = readFileSync(box.folder.in("persistent/.kairos-state"), "utf8");
  expect(noted).toContain(`last-active-source: dir://${source}\n`);
  const again = await run(system, ["upgrade", "--source", `dir:${source}`]);
  expect(again.text).toContain("INF Upgrade completed\n");
  expect(again.text).toContain("INF Nothing to do: ");
});

test("kairos-agent upgrade --recovery replaces the recovery system only", async () => {
  await using box = await machine();
  await using folder = await temporaryFolder();
  const system = configured(box);
  const source = kairosSystem(folder.in("new"), "v0.2.0");
  const { status, text } = await run(system, [
    "upgrade",
    "--recovery",
    "--source",
    `dir:${source}`,
  ]);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(text).not.toContain("Default boot entry");
  expect(uuidsOf(system)).toMatchObject({ active: "0", passive: "1" });
  expect(uuidsOf(system)["recovery"]).not.toBe("2");
  expect(readFileSync(join(box.folder.in("oem"), "grubenv"), "utf8")).not.toContain("next_entry");
});

test("kairos-agent upgrade copies a file system in a file", async () => {
  await using box = await machine();
  await using folder = await temporaryFolder();
  const system = configured(box);
  const image = folder.in("image");
  kairosSystem(folder.in("new"), "v0.2.0");
  await command("mke2fs", "-q", "-t", "ext2", "-d", folder.in("new"), image, "20M");
  const { status, text } = await run(system, ["upgrade", "--source", `file:${image}`]);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(text).toContain(`INF deploying image ${image} to `);
  await using mount = await loopMount(join(box.mount, "cOS/active.img"));
  expect(readFileSync(join(mount.path, "etc/kairos-release"), "utf8")).toContain("v0.2.0");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(" /run/tandem/");
});

test("an image without the files of Kairos leaves all as it was, with the status of the original", async () => {
  await using box = await machine();
  await using folder = await temporaryFolder();
  const system = configured(box);
  mkdirSync(folder.in("new"));
  writeFileSync(folder.in("new/busybox"), "x");
  const before = uuidsOf(system);
  const { status, text } = await run(system, ["upgrade", "--source", `dir:${folder.in("new")}`]);
  expect(status).toBe(1);
  expect(text).toContain("ERR Upgrade failed tandem_status=6 tandem_error=content\n");
  expect(text).not.toContain("Upgrade completed");
  expect(uuidsOf(system)).toEqual(before);
  expect(existsSync(join(box.mount, "cOS/transition.img"))).toBe(false);
});
