/** Tests the layout of Kairos on a disk that the kernel has mounted. Needs root. */
import { expect, test } from "bun:test";
import {
  writeFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
} from "node:fs";
import { defined } from "../../src/lib/assert.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { kernelOf } from "../fakes/boot-files.ts";
import { memorySource } from "../fakes/machine.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { kairos } from "../../src/slot/kairos/kairos.ts";
import type { Layout } from "../../src/slot/layout.ts";
import { directory, IDENTITY } from "../fakes/ext4-image.ts";
import { linux } from "../../src/system/linux.ts";
import { command, commandBytes } from "../peers/command.ts";
import { writeExt4 } from "../peers/ext4-tools.ts";
import {
  kairosMachine,
  type KairosMachine,
  type KairosBoot,
  runningFrom,
} from "../peers/kairos-machine.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const LABELS = { active: "COS_ACTIVE", passive: "COS_PASSIVE", recovery: "COS_SYSTEM" } as const;
type Name = keyof typeof LABELS;

/** An image in which only label, UUID and one file matter. */
function writeSystem(path: string, name: Name, version: string): string {
  const identity = { ...IDENTITY, label: LABELS[name], uuid: uuidOf(version) };
  const format = { sizeBytes: 4 * MiB, checksums: "descriptors", identity } as const;
  writeExt4(path, format, (image) => directory({ version: image.file(version) }));
  return path;
}
const uuidOf = (version: string): string => `00000000-0000-4000-8000-0000000000${version.slice(1)}`;

async function machine(
  from: KairosBoot["from"] = "active",
  more: { readonly squashfs?: boolean; readonly stateBytes?: number } = {},
): Promise<KairosMachine> {
  await using folder = await temporaryFolder();
  const image = (name: Name, version: string): string =>
    writeSystem(folder.in(name), name, version);
  return await kairosMachine(
    {
      active: image("active", "v02"),
      passive: image("passive", "v01"),
      recovery: image("recovery", "v00"),
      ...(more.squashfs === true ? { squashfs: folder.in("passive") } : {}),
      grubenv: {},
      ...(more.stateBytes === undefined ? {} : { stateBytes: more.stateBytes }),
    },
    { from },
  );
}

const open = ({ system }: KairosMachine): Layout => kairos.open(system, {});
const versionsOf = (layout: Layout): string[] =>
  Object.entries(layout.slots).map(([slot, { uuid = "" }]) => `${slot} v${uuid.slice(-2)}`);
const accessOf = async (path: string): Promise<string> =>
  (await command("findmnt", "-n", "-o", "VFS-OPTIONS,FS-OPTIONS", path)).replace(
    /^(r[ow])\S* +(r[ow])\S*\n$/,
    "$1 $2",
  );
/** No process has a number that is so high. */
const ENDED = 4_194_305;
/** Other runs may be at work on the same machine. */
const ownMounts = (): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => [process.pid, ENDED].some((id) => line.includes(` /run/tandem/${id}/`)));

interface Staging {
  readonly layout: Layout;
  readonly target: "active" | "recovery";
  readonly version: string;
  readonly keepPassive?: boolean;
}

/** Needs the control places, opened for writing. */
async function upgrade({ layout, target, version, keepPassive = false }: Staging): Promise<void> {
  await using folder = await temporaryFolder();
  const stage = defined(layout.staging?.stage(target), "stage");
  stage.allocate(4 * MiB);
  const { block } = stage.open({ write: true });
  block.write(0, readFileSync(writeSystem(folder.in("image"), target, version)));
  await block.flush();
  block.close();
  stage.promote({ keepPassive });
}

test("a machine that runs from the active image has three slots, and nothing is changed", async () => {
  await using kairosBox = await machine();
  const before = readdirSync(kairosBox.mount);
  expect(kairos.isOn(kairosBox.system, {})).toBe(true);
  const layout = open(kairosBox);
  expect(layout).toMatchObject({
    diskPath: kairosBox.disk,
    booted: "active",
    bootedBy: "mount",
    description: '2 "COS_OEM", 3 "COS_RECOVERY", 4 "COS_STATE", 5 "COS_PERSISTENT"',
  });
  expect(versionsOf(layout)).toEqual(["active v02", "passive v01", "recovery v00"]);
  expect(layout.slots.recovery).toMatchObject({
    sizeBytes: 4 * MiB,
    address: { file: "/cOS/recovery.img", label: "COS_SYSTEM" },
  });
  const places = layout.openControl({ write: false });
  expect(places.loaderData.sizeBytes).toBe(65_536);
  expect(places.folders).toMatchObject({
    state: kairosBox.mount,
    oem: kairosBox.folder.in("oem"),
  });
  places.close();
  expect(readdirSync(kairosBox.mount)).toEqual(before);
  expect(await accessOf(kairosBox.mount)).toBe("ro ro");
  expect(ownMounts()).toEqual([]);
});

test("a new system takes the active slot, and the system that runs is called passive", async () => {
  await using box = await machine();
  const layout = open(box);
  const places = layout.openControl({ write: true });
  expect(await accessOf(box.mount)).toBe("rw rw");
  expect(places.folders?.isSwapped()).toBe(true);
  defined(layout.staging?.stage("active"), "stage").allocate(4 * MiB);
  expect(places.folders?.isSwapped()).toBe(false);
  await upgrade({ layout, target: "active", version: "v03" });
  places.close();
  expect(await accessOf(box.mount)).toBe("ro ro");
  const after = open(box);
  expect(versionsOf(after)).toEqual(["active v03", "passive v02", "recovery v00"]);
  expect([after.booted, after.bootedBy]).toEqual(["passive", "mount"]);
  expect(readdirSync(`${box.mount}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
  const { block, path } = after.openSlot("active", { write: false });
  expect([path, block.sizeBytes]).toEqual([`${box.mount}/cOS/active.img`, 4 * MiB]);
  block.close();
});

test("after a boot from passive the passive system stays, and what was active is gone", async () => {
  await using box = await machine("passive");
  const layout = open(box);
  expect(layout.booted).toBe("passive");
  const places = layout.openControl({ write: true });
  await upgrade({ layout, target: "active", version: "v03", keepPassive: true });
  places.close();
  const after = open(box);
  expect([after.booted, ...versionsOf(after)]).toEqual([
    "passive",
    "active v03",
    "passive v01",
    "recovery v00",
  ]);
});

test("a new recovery system replaces a squashfs, and nothing stays mounted", async () => {
  await using box = await machine("active", { squashfs: true });
  const layout = open(box);
  expect(layout.slots.recovery?.address["file"]).toBe("/cOS/recovery.squashfs");
  const places = layout.openControl({ write: true });
  await upgrade({ layout, target: "recovery", version: "v03" });
  expect(ownMounts()).toHaveLength(1);
  places.close();
  expect(ownMounts()).toEqual([]);
  const after = open(box);
  expect(after.slots.recovery?.address["file"]).toBe("/cOS/recovery.img");
  expect(versionsOf(after)).toEqual(["active v02", "passive v01", "recovery v03"]);
  const { block } = after.openSlot("recovery", { write: false });
  expect(ownMounts()).toHaveLength(1);
  block.close();
  expect(ownMounts()).toEqual([]);
});

test("a machine that runs from recovery mounts COS_STATE for the time of use", async () => {
  await using box = await machine("recovery");
  const layout = open(box);
  expect([layout.booted, ...versionsOf(layout)]).toEqual([
    "recovery",
    "active v02",
    "passive v01",
    "recovery v00",
  ]);
  const places = layout.openControl({ write: true });
  expect(places.folders?.state).toBe(`/run/tandem/${process.pid}/state`);
  await upgrade({ layout, target: "active", version: "v03", keepPassive: true });
  await upgrade({ layout, target: "recovery", version: "v04" });
  places.close();
  expect(ownMounts()).toEqual([]);
  expect(existsSync(`/run/tandem/${process.pid}/state`)).toBe(false);
  // The kernel keeps the file system writable as long as a removed file is in use.
  expect(await accessOf(box.mount)).toBe("ro rw");
  const after = open(box);
  // The file of the running recovery system has no name any more.
  expect([after.booted, ...versionsOf(after)]).toEqual([
    undefined,
    "active v03",
    "passive v01",
    "recovery v04",
  ]);
});

test("one lock counts for all mount points of COS_STATE", async () => {
  await using box = await machine();
  const elsewhere = linux.mounts.bind(box.mount, box.folder.in("elsewhere"));
  const words = ["flock", "--nonblock", box.folder.in("elsewhere"), "sh", "-c"];
  const other = Bun.spawn([...words, "echo locked; read -r end"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await other.stdout.getReader().read();
  expect(() => open(box).openControl({ write: true })).toThrow(
    `Cannot lock COS_STATE on ${box.disk}: another run is at work on it`,
  );
  open(box).openControl({ write: false }).close();
  expect(await accessOf(box.mount)).toBe("ro ro");
  await other.stdin.end();
  await other.exited;
  const [one, two] = [0, 1].map(() => open(box).openControl({ write: true }));
  one?.close();
  expect(await accessOf(box.mount)).toBe("rw rw");
  await expect(command(...words, "true")).rejects.toThrow();
  two?.close();
  await command(...words, "true");
  expect(await accessOf(box.mount)).toBe("ro ro");
  elsewhere();
});

test("an interrupted swap is seen as finished, and finish() finishes it", async () => {
  await using box = await machine();
  const cos = `${box.mount}/cOS`;
  const places = open(box).openControl({ write: true });
  linkSync(`${cos}/active.img`, `${cos}/previous.img`);
  writeSystem(`${cos}/transition.img`, "active", "v03");
  renameSync(`${cos}/transition.img`, `${cos}/active.img`);
  const layout = open(box);
  expect([layout.booted, ...versionsOf(layout)]).toEqual([
    "passive",
    "active v03",
    "passive v02",
    "recovery v00",
  ]);
  const { block, path } = layout.openSlot("passive", { write: false });
  block.close();
  expect(path).toBe(`${cos}/previous.img`);
  layout.staging?.finish();
  expect(readdirSync(cos).toSorted()).toEqual(["active.img", "passive.img"]);
  places.close();
  expect(versionsOf(open(box))).toEqual(["active v03", "passive v02", "recovery v00"]);
});

test("mounts that a killed run has left are removed", async () => {
  await using box = await machine();
  const stale = `/run/tandem/${ENDED}/recovery`;
  mkdirSync(stale, { recursive: true });
  await command("mount", "-t", "ext4", "-o", "ro", box.device("recovery"), stale);
  const layout = open(box);
  const places = layout.openControl({ write: true });
  await upgrade({ layout, target: "recovery", version: "v03" });
  places.close();
  expect(ownMounts()).toEqual([]);
  expect(existsSync(`/run/tandem/${ENDED}`)).toBe(false);
  expect(open(box).slots.recovery?.uuid).toBe(uuidOf("v03"));
});

test("the disk of the running image counts, whatever another disk is labelled", async () => {
  await using first = await machine("passive");
  await using second = await machine("active");
  expect([open(first).diskPath, open(second).diskPath]).toEqual([first.disk, second.disk]);
  // From the first machine the second disk can be read where it is mounted, but nothing of it is mounted for that.
  const foreign = kairos.open(first.system, { disk: second.disk });
  expect([foreign.booted, ...versionsOf(foreign)]).toEqual([
    undefined,
    "active v02",
    "passive v01",
  ]);
  expect(() => foreign.openSlot("recovery", { write: false })).toThrow(
    `Cannot reach the files on COS_RECOVERY on ${second.disk}: it is not mounted`,
  );
  // A machine that runs from neither.
  const other = runningFrom("0:99", "");
  expect(kairos.isOn(other, {})).toBe(false);
  expect(kairos.isOn(other, { disk: second.disk })).toBe(true);
});

/** The open files below the temporary folders of tests. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    const path = linux.readLink(`/proc/self/fd/${fd}`) ?? "";
    return path.startsWith("/tmp/tandem-") ? [path] : [];
  });
}

test("an upgrade leaves COS_STATE read-only, and no file open, also when it fails", async () => {
  await using box = await machine("active", { stateBytes: 128 * MiB });
  const work = { system: box.system, talk: SILENT };
  const install = (source: LayeredSource): Promise<unknown> =>
    withMachine(work, { lock: true, allowNew: true }, (opened) =>
      upgradeTo(source, opened, { tries: 1 }),
    );
  await expect(install(memorySource("1"))).rejects.toThrow("it has no /etc/cos/bootargs.cfg");
  const versionFile = { path: "etc/kairos-release", data: 'KAIROS_VERSION="v0.3.0"\n' };
  const bootFile = { path: "etc/cos/bootargs.cfg", data: "set kernelcmd=x\n" };
  await install(memorySource("2", [versionFile, bootFile]));
  expect([await accessOf(box.mount), ...openFiles(), ...ownMounts()]).toEqual(["ro ro"]);
  const found = await doctor(
    { ...work, signal: new AbortController().signal },
    {},
    { fix: false, verify: true },
  );
  expect(found.findings.map(({ subject }) => subject)).not.toContain("EFI system partition");
  expect(found.findings.map(({ text }) => text)).toContain("its scripts are on COS_STATE");
  const status = await withMachine(work, { lock: false }, statusOf);
  expect(status).toMatchObject({ booted: "passive", record: { good: "passive", trial: "active" } });
  expect(status.slots).toContainEqual(
    expect.objectContaining({ slot: "active", status: "written", version: "v0.3.0" }),
  );
});

const grub = (...words: readonly string[]): Promise<Buffer> =>
  commandBytes("grub-fstest", ...words);

test("GRUB reads the new system in a file whose blocks have held other data", async () => {
  await using box = await machine("active", { stateBytes: 128 * MiB });
  const writable = linux.mounts.makeWritable(box.mount);
  await command(
    "sh",
    "-c",
    `tr "\\0" "\\377" < /dev/zero > ${box.mount}/old || sync && rm ${box.mount}/old`,
  );
  writable();
  const [boot, release] = [
    { path: "etc/cos/bootargs.cfg", data: "set kernelcmd=x\n" },
    { path: "etc/kairos-release", data: 'KAIROS_VERSION="v0.3.0"\n' },
  ];
  const work = { system: box.system, talk: SILENT };
  await withMachine(work, { lock: true, allowNew: true }, (opened) =>
    upgradeTo(memorySource("2", [boot, release]), opened, { tries: 1, minimumBytes: 40 * MiB }),
  );
  const seen = box.folder.in("seen-by-grub");
  writeFileSync(seen, await grub(box.device("state"), "cat", "(loop0)/cOS/active.img"));
  expect(readFileSync(seen).byteLength).toBeGreaterThanOrEqual(40 * MiB);
  const kernel = await grub(seen, "cat", "(loop0)/boot/vmlinuz");
  expect(kernel.equals(kernelOf("kernel of 2 ".repeat(1000)))).toBe(true);
  const bootargs = await grub(seen, "cat", "(loop0)/etc/cos/bootargs.cfg");
  expect(bootargs.toString()).toBe(boot.data);
});

test("no space on COS_STATE: need and have are named, and all stays as it was", async () => {
  await using box = await machine();
  const layout = open(box);
  const places = layout.openControl({ write: true });
  const stage = defined(layout.staging?.stage("active"), "stage");
  expect(() => stage.allocate(100 * MiB)).toThrow(
    `Cannot make ${box.mount}/cOS/transition.img: needs ${100 * MiB} bytes, its file system has `,
  );
  places.close();
  expect(readdirSync(`${box.mount}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
});
