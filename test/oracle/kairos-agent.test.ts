/**
 * Upgrades as kairos-agent on a disk of Kairos that the kernel has mounted. Tests about what the original does have the
 * names of its own tests. Needs root.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TandemError } from "../../src/lib/error.ts";
import { MiB } from "../../src/lib/units.ts";
import type { System } from "../../src/system/system.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import {
  agentBox,
  type AgentRun,
  configured,
  grubEnv,
  kairosFolder,
  kairosLayer,
  runAgent,
  slotsOf,
} from "../peers/kairos-agent.ts";
import type { KairosMachine } from "../peers/kairos-machine.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

setDefaultTimeout(120_000);

const OLD = { active: "active", passive: "passive", recovery: "recovery" };

/** Upgrades from a folder with a new system. */
async function upgrade(system: System, ...flags: readonly string[]): Promise<AgentRun> {
  await using folder = await temporaryFolder();
  const source = `dir:${kairosFolder(folder.in("new"), "v0.2.0")}`;
  return await runAgent(system, ["upgrade", ...flags, "--source", source]);
}

/** The same from a registry, whose answers for the layer `tamper` may replace. */
async function upgradeFromRegistry(
  system: System,
  tamper: (registry: FakeRegistry, path: string) => void = () => {},
): Promise<AgentRun> {
  await using registry = new FakeRegistry();
  const image = kairosLayer("v0.2.0");
  registry.putImage(image);
  tamper(registry, `/v2/ns/app/blobs/${image.layers[0]?.digest}`);
  return await runAgent(system, ["upgrade", "--source", `oci:${registry.host}/ns/app`]);
}

const imagesOf = ({ mount }: KairosMachine): string[] => readdirSync(join(mount, "cOS")).toSorted();

/** COS_PERSISTENT, mounted somewhere. */
async function persistent({ device, folder }: KairosMachine): Promise<AsyncDisposable> {
  mkdirSync(folder.in("persistent"));
  await command("mount", "-t", "ext4", device("persistent"), folder.in("persistent"));
  return {
    [Symbol.asyncDispose]: async () => void (await command("umount", folder.in("persistent"))),
  };
}

test("Successfully upgrades from directory. Sets next_entry to cos after a system upgrade", async () => {
  await using box = await agentBox();
  await using folder = await temporaryFolder();
  await using _ = await persistent(box);
  const system = configured(box);
  const source = kairosFolder(folder.in("new"), "v0.2.0");
  const line = ["--debug", "upgrade", "--source", `dir:${source}`];
  const { status, text } = await runAgent(system, line);
  expect({ status, text }).toMatchObject({ status: 0 });
  for (const message of [
    "INF Boot Mode boot_mode=active_boot",
    `INF deploying image ${source} to /run/initramfs/cos-state/cOS/transition.img`,
    "INF Upgrade completed",
    "INF Default boot entry set to cos",
  ])
    expect(text).toContain(`${message}\n`);
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
  expect(slotsOf(system)).toEqual({ active: "new", passive: "active", recovery: "recovery" });
  expect(grubEnv(box)).toContain("next_entry=cos\n");
  const brand = readFileSync(join(box.mount, "grub_oem_env"), "utf8");
  expect(brand).toContain("default_menu_entry=Mine\n");
  const noted = readFileSync(box.folder.in("persistent/.kairos-state"), "utf8");
  expect(noted).toContain(`last-active-source: dir://${source}\n`);
  const again = await runAgent(system, line);
  expect(again.text).toContain("INF Upgrade completed\n");
  expect(again.text).toContain("INF Nothing to do: ");
});

test("sets image size to provided value if set in the config and image is smaller", async () => {
  await using box = await agentBox();
  expect(await upgrade(configured(box))).toMatchObject({ status: 0 });
  const active = join(box.mount, "cOS/active.img");
  expect(statSync(active).size).toBeGreaterThanOrEqual(40 * MiB);
  expect(await complaints(active)).toEqual([]);
  await using mount = await loopMount(active);
  for (const name of ["data", "oem", "usr/local"])
    expect(statSync(join(mount.path, name)).mode & 0o777).toBe(0o755);
});

test("Successfully upgrades from docker image", async () => {
  await using box = await agentBox();
  const system = configured(box);
  const { status, text } = await upgradeFromRegistry(system);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(text).toMatch(/INF deploying image 127\.0\.0\.1:\d+\/ns\/app:latest to \//);
  expect(slotsOf(system)).toMatchObject({ active: "new", passive: "active" });
});

test("a file system in a file is copied", async () => {
  await using box = await agentBox();
  await using folder = await temporaryFolder();
  const image = folder.in("image");
  kairosFolder(folder.in("new"), "v0.2.0");
  await command("mke2fs", "-q", "-t", "ext2", "-d", folder.in("new"), image, "20M");
  const line = ["upgrade", "--source", `file:${image}`];
  const { status, text } = await runAgent(configured(box), line);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(text).toContain(`INF deploying image ${image} to `);
  await using mount = await loopMount(join(box.mount, "cOS/active.img"));
  expect(readFileSync(join(mount.path, "etc/kairos-release"), "utf8")).toContain("v0.2.0");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(" /run/tandem/");
});

test("booted from passive: does not backup active img to passive. Sets next_entry to cos so the new active is tried on reboot", async () => {
  await using box = await agentBox("passive");
  const system = configured(box, "passive");
  const { status, text } = await upgrade(system);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(slotsOf(system)).toMatchObject({ active: "new", passive: "passive" });
  expect(grubEnv(box)).toContain("next_entry=cos\n");
});

test.each([false, true])(
  "Successfully upgrades recovery from directory, from squashfs: %p. Does not touch next_entry when only recovery is upgraded",
  async (squashfs) => {
    await using box = await agentBox("active", { squashfs });
    const system = configured(box);
    const { status, text } = await upgrade(system, "--recovery");
    expect({ status, text }).toMatchObject({ status: 0 });
    expect(text).not.toContain("Default boot entry");
    expect(slotsOf(system)).toEqual({ active: "active", passive: "passive", recovery: "new" });
    expect(grubEnv(box)).not.toContain("next_entry");
  },
);

test("Fails if deploying the image fails", async () => {
  await using box = await agentBox();
  const system = configured(box);
  const { status, text } = await upgradeFromRegistry(system, (registry, path) =>
    registry.script(path, () => new Response("not the layer")),
  );
  expect(status).toBe(1);
  expect(text).toContain("ERR Upgrade failed tandem_status=6 tandem_error=content\n");
  expect(text).not.toContain("Upgrade completed");
  expect(slotsOf(system)).toEqual(OLD);
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
});

test("an image without the files of Kairos leaves all as it was", async () => {
  await using box = await agentBox();
  await using folder = await temporaryFolder();
  const system = configured(box);
  mkdirSync(folder.in("new"));
  writeFileSync(folder.in("new/busybox"), "x");
  const line = ["upgrade", "--source", `dir:${folder.in("new")}`];
  const { status, text } = await runAgent(system, line);
  expect(status).toBe(1);
  expect(text).toContain("ERR Upgrade failed tandem_status=6 tandem_error=content\n");
  expect(slotsOf(system)).toEqual(OLD);
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
});

test("Warns but does not fail when the rebranding fails", async () => {
  await using box = await agentBox();
  const system = failing(configured(box), (_, path) => path.endsWith("/grub_oem_env.new"));
  const { status, text } = await upgrade(system);
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(text).toContain("WRN Cannot set the title in the boot menu: ");
});

/** A machine with Kairos' own program, which fails at one stage. */
function withStages(system: System, failingStage: string, ran: string[]): System {
  return {
    ...system,
    isExecutable: (path) => path.endsWith("/usr/bin/kairos"),
    isSelf: () => false,
    run(words, options) {
      if (!words.includes("run-stage")) return system.run(words, options);
      const stage = words.at(-1) ?? "";
      ran.push(stage);
      const status = stage === failingStage ? 1 : 0;
      return Promise.resolve({ status, stdout: "", stderr: "the step failed\n" });
    },
  };
}

const STAGES = ["before-upgrade", "after-upgrade-chroot", "after-upgrade"];

test.each([
  ["Fails if some hook fails and strict is set", 0, OLD],
  ["Fails on the after-upgrade-chroot hook when strict", 1, OLD],
  ["Fails on the after-upgrade hook when strict", 2, { active: "new", passive: "active" }],
] as const)("%s", async (...[, index, slots]) => {
  await using box = await agentBox();
  const plain = configured(box, "active", "strict: true\n");
  const ran: string[] = [];
  const { status, text } = await upgrade(withStages(plain, STAGES[index] ?? "", ran));
  expect({ status, text }).toMatchObject({ status: 1 });
  expect(text).toContain("the step failed");
  expect(ran).toEqual(STAGES.slice(0, index + 1));
  expect(slotsOf(plain)).toMatchObject(slots);
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
});

test("a hook that fails is told and otherwise ignored", async () => {
  await using box = await agentBox();
  const plain = configured(box);
  const ran: string[] = [];
  const { status, text } = await upgrade(withStages(plain, "after-upgrade-chroot", ran));
  expect({ status, text }).toMatchObject({ status: 0 });
  expect(ran).toEqual(STAGES);
  expect(text).toMatch(/WRN .*after-upgrade-chroot.*, continuing\n/);
  expect(slotsOf(plain)).toMatchObject({ active: "new", passive: "active" });
  expect(grubEnv(box)).toContain("next_entry=cos\n");
});

test("a hook that removes the kernel of the new system ends the upgrade", async () => {
  await using box = await agentBox();
  const plain = withStages(configured(box), "", []);
  const { status, text } = await upgrade({
    ...plain,
    run(words, options) {
      const [program, root = ""] = words;
      if (program === "chroot") rmSync(join(root, "boot/vmlinuz"));
      return plain.run(words, options);
    },
  });
  expect({ status, text }).toMatchObject({ status: 1 });
  expect(text).toContain("Cannot boot this image on a Kairos machine: it has no /boot/vmlinuz");
  expect(slotsOf(plain)).toMatchObject(OLD);
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
});

/** The first call for which `isHit` is true fails. */
function failing(
  system: System,
  isHit: (call: "link" | "rename" | "write", path: string) => boolean,
): System {
  const { mounted } = system;
  let isLeft = true;
  const check = (call: "link" | "rename" | "write", path: string): void => {
    if (!isLeft || !isHit(call, path)) return;
    isLeft = false;
    throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  };
  return {
    ...system,
    mounted: {
      ...mounted,
      link(path, to) {
        check("link", path);
        mounted.link(path, to);
      },
      rename(path, to) {
        check("rename", path);
        mounted.rename(path, to);
      },
      write(path, offsetBytes, bytes) {
        check("write", path);
        mounted.write(path, offsetBytes, bytes);
      },
    },
  };
}

/** What is there afterwards: GRUB starts the active system, or the passive one if that fails. */
test.each([
  ["the active image cannot be backed up", "link", "/active.img", OLD],
  ["moving the transition image to active fails", "rename", "/transition.img", OLD],
  ["labeling the passive image fails", "write", "/previous.img", { active: "new" }],
] as const)("Fails if %s, and the next run succeeds", async (...[, call, path, slots]) => {
  await using box = await agentBox();
  const system = configured(box);
  const broken = failing(system, (one, at) => one === call && at.endsWith(path));
  const { status, text } = await upgrade(broken);
  expect({ status, text }).toMatchObject({ status: 1 });
  expect(text).toContain("ERR Upgrade failed tandem_status=8 tandem_error=disk\n");
  expect(slotsOf(system)).toMatchObject(slots);
  expect(await upgrade(system)).toMatchObject({ status: 0 });
  expect(slotsOf(system)).toMatchObject({ active: "new", passive: "active" });
  expect(imagesOf(box)).toEqual(["active.img", "passive.img"]);
});

function makeWritable(): never {
  throw new TandemError("disk", "Cannot make it writable: EROFS");
}

test("Fails if the state partition cannot be remounted RW", async () => {
  await using box = await agentBox();
  const system = configured(box);
  const { status, text } = await upgrade({
    ...system,
    mounts: { ...system.mounts, makeWritable },
  });
  expect(status).toBe(1);
  expect(text).toEndWith("\nCannot make it writable: EROFS\n");
  expect(slotsOf(system)).toEqual(OLD);
});
