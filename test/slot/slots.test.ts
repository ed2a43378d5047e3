import { expect, test } from "bun:test";
import { TandemError } from "../../src/lib/error.ts";
import { LABELS, openSlots } from "../../src/slot/slots.ts";
import { ESP_TYPE, gptImage, type PartitionSetup } from "../disk/gpt-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { kernelMachine, mounted } from "./kernel-disk.ts";

const ESP = { label: "EFI", firstLba: 64, lastLba: 127, type: ESP_TYPE };
const CONTROL = { label: "tandem-control", firstLba: 128, lastLba: 2175 };
const A = { label: "tandem-a", firstLba: 2176, lastLba: 3199 };
const B = { label: "tandem-b", firstLba: 3200, lastLba: 4223 };
const RECOVERY = { label: "tandem-recovery", firstLba: 4224, lastLba: 4999 };
const DATA = { label: "data", firstLba: 5000, lastLba: 5999 };
const UUID_B = "04040404-0404-0404-0404-040404040404";

const imageWith = (...partitions: PartitionSetup[]): PagedImage => gptImage({ partitions });
const full = (): PagedImage => imageWith(ESP, CONTROL, A, B, RECOVERY, DATA);

test("openSlots() of a plain file finds the layout, and nothing is booted", () => {
  const machine = kernelMachine({
    plain: { "disk.img": full() },
    cmdline: `root=PARTUUID=${UUID_B} tandem.slot=b tandem.gen=4`,
    mountinfo: mounted("8:4", "/"),
  });
  const slots = openSlots(machine, { disk: "disk.img" });
  expect(slots.control.number).toBe(2);
  expect(Object.entries(slots.slots).map(([name, { number }]) => [name, number])).toEqual([
    ["a", 3],
    ["b", 4],
    ["recovery", 5],
  ]);
  expect(slots.esps.map(({ number }) => number)).toEqual([1]);
  expect([slots.booted, slots.bootedBy, slots.cmdline.gen]).toEqual([undefined, undefined, 4]);
  expect(slots.place(slots.control)).toEqual({
    path: "disk.img",
    offsetBytes: 65_536,
    sizeBytes: 1 << 20,
  });
  expect(machine.closed).toEqual(machine.opened.map((line) => line.slice(2)));
});

test("open() of a slot in a plain file is a view of it that ends where the slot ends", () => {
  const image = full();
  const machine = kernelMachine({ plain: { "/disk.img": image } });
  const slots = openSlots(machine, { disk: "/disk.img" });
  const block = slots.open(slots.control, { write: true });
  expect([block.name, block.sizeBytes]).toEqual(["tandem-control on /disk.img", 1 << 20]);
  block.write(0, Uint8Array.of(7));
  expect(image.bytes()[65_536]).toBe(7);
  expect(() => block.write(1 << 20, Uint8Array.of(7))).toThrow(RangeError);
  block.close();
  expect(machine.closed.at(-1)).toBe("/disk.img");
});

test.each([
  ["sda", "sda4"],
  ["nvme0n1", "nvme0n1p4"],
])("openSlots() without a disk finds %s by the mounted root", (name, node) => {
  const machine = kernelMachine({
    disks: { [name]: full() },
    mountinfo: mounted("0:21", "/proc") + mounted("8:4", "/"),
    cmdline: "tandem.slot=b",
  });
  const slots = openSlots(machine);
  expect([slots.diskPath, slots.booted, slots.bootedBy]).toEqual([`/dev/${name}`, "b", "mount"]);
  expect(slots.place(slots.slots.b ?? slots.control)).toMatchObject({
    path: `/dev/${node}`,
    offsetBytes: 0,
  });
});

test("open() takes a partition's own node on a device", () => {
  const disk = full();
  const machine = kernelMachine({ disks: { sda: disk }, mountinfo: mounted("8:4", "/") });
  const slots = openSlots(machine);
  slots.open(slots.control, { write: true }).write(0, Uint8Array.of(7));
  expect(machine.opened.at(-1)).toBe("held /dev/sda2");
  expect(disk.bytes()[65_536]).toBe(0);
});

test.each([
  ["overlay", mounted("0:30", "/")],
  ["verity device", mounted("253:0", "/")],
  ["initramfs", ""],
])("openSlots() below an %s goes by the boot loader's word", (_, mountinfo) => {
  const machine = kernelMachine({
    disks: { sda: imageWith(DATA), sdb: PagedImage.zeros(8192), vda: full() },
    mountinfo,
    cmdline: `root=PARTUUID=${UUID_B.toUpperCase()} ro`,
  });
  const slots = openSlots(machine);
  expect([slots.diskPath, slots.booted, slots.bootedBy]).toEqual(["/dev/vda", "b", "partuuid"]);
});

test("of a disk and its copy, the one with the mounted root is taken", () => {
  const machine = kernelMachine({
    disks: { sda: full(), sdb: full() },
    mountinfo: mounted("9:4", "/"),
    cmdline: `root=PARTUUID=${UUID_B}`,
  });
  expect(openSlots(machine)).toMatchObject({ diskPath: "/dev/sdb", booted: "b" });
  expect(openSlots(machine, { disk: "/dev/sda" }).booted).toBeUndefined();
  expect(openSlots(machine, { disk: "/dev/sdb" }).booted).toBe("b");
});

test.each([
  [
    "no word of the root",
    { disks: { sda: full() } },
    "the root is no partition, and the kernel command line has no root=PARTUUID=",
  ],
  [
    "no such partition",
    { disks: { sda: imageWith(DATA) }, cmdline: `root=PARTUUID=${UUID_B}` },
    "and no disk has it",
  ],
  [
    "two copies of a disk",
    { disks: { sda: full(), sdb: full() }, cmdline: `root=PARTUUID=${UUID_B}` },
    "/dev/sda and /dev/sdb have it",
  ],
])("openSlots() without a disk refuses to guess: %s", (_, setup, why) => {
  expect(() => openSlots(kernelMachine(setup))).toThrow(why);
});

test("openSlots() does not look at loop devices for the root", () => {
  const machine = kernelMachine({ disks: { loop0: full() }, cmdline: `root=PARTUUID=${UUID_B}` });
  expect(() => openSlots(machine)).toThrow("no disk has it");
  expect(machine.opened).toEqual([]);
});

test("openSlots() follows a link to a disk", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    plain: { "/dev/disk/by-id/ata-1": full() },
    links: { "/dev/disk/by-id/ata-1": "../../sda" },
    mountinfo: mounted("8:3", "/"),
  });
  const slots = openSlots(machine, { disk: "/dev/disk/by-id/ata-1" });
  expect(slots.booted).toBe("a");
  expect(slots.place(slots.control).path).toBe("/dev/sda2");
});

test("a root on another partition of the disk is no slot", () => {
  const machine = kernelMachine({ disks: { sda: full() }, mountinfo: mounted("8:6", "/") });
  expect(openSlots(machine).booted).toBeUndefined();
});

test("openSlots() refuses when the loader and the kernel disagree on what runs", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:4", "/"),
    cmdline: "tandem.slot=a",
  });
  expect(() => openSlots(machine)).toThrow("the root is on slot b, the boot loader says slot a");
});

test("openSlots() takes other labels", () => {
  const machine = kernelMachine({ plain: { d: imageWith(CONTROL, A, { ...B, label: "ROOT-B" }) } });
  expect(
    openSlots(machine, { disk: "d", labels: { ...LABELS, b: "ROOT-B" } }).slots.b?.number,
  ).toBe(3);
});

test("openSlots() gives all EFI system partitions in the order of the table, or the one that is configured", () => {
  const second = { ...DATA, label: "EFI 2", type: ESP_TYPE };
  const machine = kernelMachine({ plain: { d: imageWith(ESP, CONTROL, A, B, second) } });
  const numbersOf = (esp?: string): number[] =>
    openSlots(machine, { disk: "d", labels: { ...LABELS, esp } }).esps.map(({ number }) => number);
  expect(numbersOf()).toEqual([1, 5]);
  expect(numbersOf("EFI 2")).toEqual([5]);
});

test.each([
  ["is not there", "ESP", 'Cannot find partition "ESP" on d: found "EFI", "tandem-control"'],
  ["is there twice", "TWIN", 'Cannot find partition "TWIN" on d: partitions 5, 6 all have this'],
  ["has another type", "tandem-a", 'Cannot use partition "tandem-a" on d: its type is not that'],
])("openSlots() refuses a configured EFI system partition that %s", (_, esp, why) => {
  const twin = { ...DATA, label: "TWIN", type: ESP_TYPE };
  const image = imageWith(ESP, CONTROL, A, B, twin, { ...RECOVERY, label: "TWIN" });
  const machine = kernelMachine({ plain: { d: image } });
  expect(() => openSlots(machine, { disk: "d", labels: { ...LABELS, esp } })).toThrow(
    expect.objectContaining({ code: "disk", message: expect.stringContaining(why) }),
  );
});

test.each([
  [
    "no control partition",
    imageWith(A, B),
    'Cannot find partition "tandem-control" on d: found "tandem-a", "tandem-b"',
  ],
  [
    "no slot",
    imageWith(CONTROL, A),
    'Cannot find partition "tandem-b" on d: found "tandem-control", "tandem-a"',
  ],
  [
    "no partitions",
    imageWith(),
    'Cannot find partition "tandem-control" on d: found no partitions',
  ],
  [
    "a label twice",
    imageWith(CONTROL, A, B, { ...DATA, label: "tandem-a" }),
    "partitions 2, 4 all have this label",
  ],
  [
    "recovery twice",
    imageWith(CONTROL, A, B, RECOVERY, { ...DATA, label: "tandem-recovery" }),
    "all have this label",
  ],
  [
    "an overlap",
    imageWith(CONTROL, A, B, { ...DATA, firstLba: 4000 }),
    'Cannot use partition "tandem-b" on d: it overlaps partition 4',
  ],
  [
    "a unique GUID twice",
    imageWith(CONTROL, A, { ...B, unique: 2 }),
    'Cannot use partition "tandem-a" on d: partitions 2 and 3 have the same unique GUID',
  ],
  ["no table", PagedImage.zeros(1 << 20), "Cannot read the partition table of d"],
])("openSlots() refuses a disk with %s", (_, image, why) => {
  const machine = kernelMachine({ plain: { d: image } });
  const attempt = (): unknown => openSlots(machine, { disk: "d" });
  expect(attempt).toThrow(why);
  expect(attempt).toThrow(TandemError);
  expect(machine.closed).toEqual(machine.opened.map((line) => line.slice(2)));
});

test("a table that the kernel has not read yet is not used", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:3", "/"),
    files: { "/sys/class/block/sda/sda4/start": "9999\n" },
  });
  const slots = openSlots(machine);
  expect(() => slots.place(slots.slots.b ?? slots.control)).toThrow(
    "the kernel has it at 5119488+524288",
  );
});

test("a disk whose partitions have no nodes is used as a whole", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:3", "/"),
    files: { "/sys/class/block/sda/sda2/partition": "?" },
  });
  const slots = openSlots(machine);
  expect(slots.place(slots.control)).toEqual({
    path: "/dev/sda",
    offsetBytes: 65_536,
    sizeBytes: 1 << 20,
  });
});

test("open() refuses to write what is mounted, and reads it", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:3", "/") + mounted("8:4", "/mnt/my\\040disk"),
  });
  const slots = openSlots(machine);
  const { a, b } = slots.slots;
  if (a === undefined || b === undefined) throw new Error("no slots");
  expect(() => slots.open(b, { write: true })).toThrow(
    '"tandem-b" of /dev/sda: it is mounted at /mnt/my disk',
  );
  expect(() => slots.open(a, { write: true })).toThrow("it is mounted at /");
  expect(slots.open(a, { write: false }).sizeBytes).toBe(524_288);
});
