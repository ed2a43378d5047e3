import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../../src/lib/assert.ts";
import { KAIROS_ADDRESS, kairos } from "../../../src/slot/kairos/kairos.ts";
import type { Layout } from "../../../src/slot/layout.ts";
import { type FakeKairos, type FakeSetup, kairosKernel, unflushed } from "./kairos-kernel.ts";
import { fill, system, uuidOf } from "./systems.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-kairos-"));
const [state, recovery, oem] = ["state", "recovery", "oem"].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
const OWN = join(folder, "run/17");
beforeAll(() => mkdirSync(oem));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const path of [state, recovery]) rmSync(path, { recursive: true, force: true });
  fill(state, {
    "active.img": system("COS_ACTIVE", 2),
    "passive.img": system("COS_PASSIVE", 1),
  });
  fill(recovery, { "recovery.img": system("COS_SYSTEM", 7) });
});

const identityOf = (path: string): string => defined(unflushed.stat(path), path).identity;

function machine(running: string, more: FakeSetup = {}): FakeKairos {
  return kairosKernel({
    cmdline: "root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img",
    loops: { loop0: { identity: identityOf(running) } },
    mounts: [
      { device: "7:0", path: "/" },
      { device: "8:4", path: state },
      { device: "8:2", path: oem, access: "rw" },
    ],
    contents: { "/dev/sda3": recovery },
    ownFolder: OWN,
    ...more,
  });
}
const onActive = (more: FakeSetup = {}): FakeKairos => machine(`${state}/cOS/active.img`, more);
const open = (devices: FakeKairos): Layout => kairos.open(devices, {});
const slotsOf = (devices: FakeKairos): string[] => Object.keys(open(devices).slots);

test("open() has a slot for each image, with its size, label and UUID", () => {
  const layout = open(onActive());
  expect(layout).toMatchObject({
    diskPath: "/dev/sda",
    description: '2 "COS_OEM", 3 "COS_RECOVERY", 4 "COS_STATE", 5 "COS_PERSISTENT"',
    booted: "active",
    bootedBy: "mount",
    esps: [],
  });
  expect(layout.slots).toEqual({
    active: {
      sizeBytes: 4096,
      address: { file: "/cOS/active.img", label: "COS_ACTIVE" },
      label: "COS_ACTIVE",
      uuid: uuidOf(2),
    },
    passive: {
      sizeBytes: 4096,
      address: { file: "/cOS/passive.img", label: "COS_PASSIVE" },
      label: "COS_PASSIVE",
      uuid: uuidOf(1),
    },
    recovery: {
      sizeBytes: 4096,
      address: { file: "/cOS/recovery.img", label: "COS_SYSTEM" },
      label: "COS_SYSTEM",
      uuid: uuidOf(7),
    },
  });
});

test("open() knows what is booted by the inode, whatever the command line says", () => {
  expect(open(machine(`${state}/cOS/passive.img`)).booted).toBe("passive");
  expect(open(machine(`${recovery}/cOS/recovery.img`)).booted).toBe("recovery");
  fill(state, { "other.img": system("COS_ACTIVE", 5) });
  const { booted, bootedBy } = open(machine(`${state}/cOS/other.img`));
  expect([booted, bootedBy]).toEqual([undefined, undefined]);
});

test("open() goes by the name when only the name is known", () => {
  const layout = open(
    onActive({
      mounts: [
        { device: "0:30", path: "/" },
        { device: "8:4", path: state },
        { device: "8:4", path: "/run/initramfs/cos-state" },
      ],
      loops: {},
    }),
  );
  expect([layout.booted, layout.bootedBy]).toEqual(["active", "loader"]);
});

test("open() leaves out a recovery partition that is missing, or that cannot be mounted", () => {
  const disks = { sda: [undefined, "COS_OEM", undefined, "COS_STATE"] };
  expect(slotsOf(onActive({ disks }))).toEqual(["active", "passive"]);
  const failing = { "mount ro": "EIO" };
  expect(slotsOf(onActive({ failing }))).toEqual(["active", "passive"]);
});

test("openControl() without write access changes nothing, and reads zeros where there is no file", () => {
  const devices = onActive();
  const places = open(devices).openControl({ write: false });
  expect(places.loaderData).toMatchObject({ name: `${state}/tandem/control`, sizeBytes: 65_536 });
  expect(places.memory).toEqual({ folder: `${state}/tandem` });
  expect(places.folders).toMatchObject({ state, oem });
  places.close();
  expect(existsSync(`${state}/tandem`)).toBe(false);
  expect(devices.log.filter((line) => !line.includes("recovery"))).toEqual([]);
});

test("openControl() to write locks COS_STATE before it is writable, and until it is not", () => {
  const devices = onActive();
  const places = open(devices).openControl({ write: true });
  expect(statSync(`${state}/tandem/control`).size).toBe(65_536);
  places.loaderData.write(0, Uint8Array.of(7));
  places.close();
  places.close();
  expect(devices.log.filter((line) => line.includes(state))).toEqual([
    `lock ${state}`,
    `remount ${state} rw`,
    `remount ${state} ro`,
    `release ${state}`,
  ]);
  const again = open(onActive()).openControl({ write: false });
  const byte = new Uint8Array(1);
  again.loaderData.readInto(0, byte);
  expect(byte[0]).toBe(7);
  again.close();
});

test("openControl() makes a file anew that a power cut has left short", () => {
  mkdirSync(`${state}/tandem`);
  writeFileSync(`${state}/tandem/control`, "");
  const reading = open(onActive()).openControl({ write: false });
  expect(reading.loaderData.sizeBytes).toBe(65_536);
  reading.close();
  open(onActive()).openControl({ write: true }).close();
  expect(statSync(`${state}/tandem/control`).size).toBe(65_536);
});

test("openControl() says that another run has the lock, and leaves COS_STATE as it is", () => {
  const devices = onActive();
  devices.lockedElsewhere.add(state);
  expect(() => open(devices).openControl({ write: true })).toThrow(
    expect.objectContaining({
      code: "locked",
      message: "Cannot lock COS_STATE on /dev/sda: another run is at work on it",
    }),
  );
  expect(devices.log.filter((line) => line.includes("remount"))).toEqual([]);
});

test("openControl() has no folder of a COS_OEM that cannot be read", () => {
  const disks = { sda: [undefined, undefined, "COS_RECOVERY", "COS_STATE"] };
  const places = open(onActive({ disks })).openControl({ write: false });
  expect(places.folders?.oem).toBeUndefined();
  places.close();
});

test("openSlot() reads an image file, and mounts what it needs until the file is closed", () => {
  const devices = onActive();
  const layout = open(devices);
  devices.log.length = 0;
  const { block, path, offsetBytes } = layout.openSlot("recovery", { write: false });
  expect([path, offsetBytes]).toEqual([`${OWN}/recovery/cOS/recovery.img`, 0]);
  const label = new Uint8Array(10);
  block.readInto(1024 + 0x78, label);
  expect(Buffer.from(label).toString()).toBe("COS_SYSTEM");
  expect(devices.log).toHaveLength(1);
  block.close();
  expect(devices.log.at(-1)).toBe(`unmount ${OWN}/recovery`);
  expect(() => layout.openSlot("transition", { write: false })).toThrow(
    `Cannot open slot transition: ${state}/cOS has no image of it`,
  );
  expect(() => layout.openSlot("active", { write: true })).toThrow("is written through a stage");
});

test("stage() writes a new active system beside the others, and promotes it", () => {
  const devices = onActive();
  const layout = open(devices);
  const places = layout.openControl({ write: true });
  const stage = defined(layout.staging?.stage("active"), "stage");
  expect(stage).toMatchObject({ path: `${state}/cOS/transition.img`, label: "COS_ACTIVE" });
  stage.remove();
  fill(state, { "transition.img": new Uint8Array(3) });
  stage.allocate(4096);
  expect(places.folders?.isSwapped()).toBe(false);
  const { block } = stage.open({ write: true });
  expect(block.sizeBytes).toBe(4096);
  block.write(0, system("COS_ACTIVE", 3));
  block.close();
  layout.openSlot("transition", { write: false }).block.close();
  stage.promote({ keepPassive: false });
  expect(places.folders?.isSwapped()).toBe(true);
  places.close();
  const { booted, slots } = open(devices);
  expect([booted, slots.active?.uuid, slots.passive?.uuid]).toEqual([
    "passive",
    uuidOf(3),
    uuidOf(2),
  ]);
});

test("stage() of the recovery system mounts COS_RECOVERY until the control places are closed", () => {
  fill(recovery, { "recovery.squashfs": Buffer.from("hsqs"), "replaced.img": new Uint8Array(1) });
  const devices = onActive();
  const layout = open(devices);
  const places = layout.openControl({ write: true });
  const stage = defined(layout.staging?.stage("recovery"), "stage");
  expect(stage.label).toBe("COS_SYSTEM");
  stage.allocate(4096);
  expect(readdirSync(`${recovery}/cOS`).toSorted()).toEqual([
    "recovery.img",
    "recovery.squashfs",
    "transition.img",
  ]);
  const { block } = stage.open({ write: true });
  block.write(0, system("COS_SYSTEM", 8));
  block.close();
  stage.promote({ keepPassive: true });
  expect(devices.log.at(-1)).not.toStartWith("unmount");
  places.close();
  expect(devices.log).toContain(`unmount ${OWN}/recovery`);
  expect(open(devices).slots.recovery?.uuid).toBe(uuidOf(8));
  expect(readdirSync(`${recovery}/cOS`)).toEqual(["recovery.img"]);
});

test("finish() finishes a swap", () => {
  fill(state, { "previous.img": system("COS_ACTIVE", 9) });
  const devices = onActive();
  const layout = open(devices);
  expect(layout.slots.passive?.uuid).toBe(uuidOf(9));
  layout.staging?.finish();
  expect(readdirSync(`${state}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
});

test.each([
  [{ file: "/cOS/active.img", label: "COS_ACTIVE" }, undefined],
  [{ file: "/etc/passwd", label: "COS_ACTIVE" }, 'file is "/etc/passwd"'],
  [{ file: "/cOS/active.img", label: "x y" }, 'label is "x y"'],
  [{}, 'file is ""'],
])("the address %p has the flaw %p", (address, flaw) => {
  expect(KAIROS_ADDRESS.flaw(address)).toBe(flaw);
});

test("the texts of an address", () => {
  const address = { file: "/cOS/active.img", label: "COS_ACTIVE" };
  expect(KAIROS_ADDRESS.text(address)).toBe("/cOS/active.img");
  expect(KAIROS_ADDRESS.rootOption(address)).toBe("root=LABEL=COS_ACTIVE");
});
