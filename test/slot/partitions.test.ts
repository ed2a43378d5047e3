import { expect, test } from "bun:test";
import { TandemError } from "../../src/lib/error.ts";
import { LABELS } from "../../src/slot/labels.ts";
import type { DiskOptions, Layout } from "../../src/slot/layout.ts";
import { PARTITION_ADDRESS, partitions } from "../../src/slot/partitions.ts";
import { ESP_TYPE, gptImage, type PartitionSetup } from "../disk/gpt-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { type KernelMachine, kernelMachine, mounted } from "./kernel-disk.ts";

const ESP = { label: "EFI", firstLba: 64, lastLba: 127, type: ESP_TYPE };
const CONTROL = { label: "tandem-control", firstLba: 128, lastLba: 2175 };
const A = { label: "tandem-a", firstLba: 2176, lastLba: 3199 };
const B = { label: "tandem-b", firstLba: 3200, lastLba: 4223 };
const RECOVERY = { label: "tandem-recovery", firstLba: 4224, lastLba: 4999 };
const DATA = { label: "data", firstLba: 5000, lastLba: 5999 };
const UUID_B = "04040404-0404-0404-0404-040404040404";

const imageWith = (...setups: PartitionSetup[]): PagedImage => gptImage({ partitions: setups });
const open = (machine: KernelMachine, options: DiskOptions = {}): Layout =>
  partitions.open(machine, options);
const full = (): PagedImage => imageWith(ESP, CONTROL, A, B, RECOVERY, DATA);

test("open() of a plain file finds the layout, and nothing is booted", () => {
  const machine = kernelMachine({
    plain: { "disk.img": full() },
    cmdline: `root=PARTUUID=${UUID_B} tandem.slot=b tandem.gen=4`,
    mountinfo: mounted("8:4", "/"),
  });
  const layout = open(machine, { disk: "disk.img" });
  expect([layout.diskPath, layout.loaderDataAddress]).toEqual(["disk.img", "2"]);
  expect(layout.description).toBe(
    '1 "EFI", 2 "tandem-control", 3 "tandem-a", 4 "tandem-b", 5 "tandem-recovery", 6 "data"',
  );
  expect(
    Object.entries(layout.slots).map(([name, { address }]) => [name, address["part"]]),
  ).toEqual([
    ["a", "3"],
    ["b", "4"],
    ["recovery", "5"],
  ]);
  expect(layout.slots.b).toEqual({
    sizeBytes: 1 << 19,
    address: { part: "4", partuuid: UUID_B },
    label: "tandem-b",
  });
  expect(layout.esps.map(({ name, label }) => [name, label])).toEqual([["partition 1", "EFI"]]);
  expect([layout.booted, layout.bootedBy, layout.cmdline.gen]).toEqual([undefined, undefined, 4]);
  expect(layout.openSlot("a", { write: false })).toMatchObject({
    path: "disk.img",
    offsetBytes: 2176 * 512,
  });
  expect(machine.opened).toEqual(["r disk.img", "r disk.img"]);
  expect(machine.closed).toEqual(["disk.img"]);
});

test("openControl() of a plain file is a view of it that ends where the partition ends", () => {
  const image = full();
  const machine = kernelMachine({ plain: { "/disk.img": image } });
  const places = open(machine, { disk: "/disk.img" }).openControl({ write: true });
  const block = places.loaderData;
  expect(places.memory).toEqual({ block });
  expect([block.name, block.sizeBytes]).toEqual(["tandem-control on /disk.img", 1 << 20]);
  block.write(0, Uint8Array.of(7));
  expect(image.bytes()[65_536]).toBe(7);
  expect(() => block.write(1 << 20, Uint8Array.of(7))).toThrow(RangeError);
  places.close();
  expect(machine.closed.at(-1)).toBe("/disk.img");
});

test("openControl() says that the disk is locked when another program holds the partition", () => {
  const machine = kernelMachine({ disks: { sda: full() } });
  const layout = open(
    {
      ...machine,
      openBlock(path, access) {
        if (!access.write) return machine.openBlock(path, access);
        throw new TandemError("disk", "busy", {
          cause: Object.assign(new Error("busy"), { code: "EBUSY" }),
        });
      },
    },
    { disk: "/dev/sda" },
  );
  expect(() => layout.openControl({ write: true })).toThrow(
    expect.objectContaining({
      code: "locked",
      message: 'Cannot lock /dev/sda: another run or program holds its partition "tandem-control"',
    }),
  );
});

const isOn = (image: PagedImage): boolean =>
  partitions.isOn(kernelMachine({ plain: { d: image } }), { disk: "d" });

test("isOn() is true of a disk with all partitions, and false without one or without a table", () => {
  expect([full(), imageWith(A, B), PagedImage.zeros(1 << 20)].map((image) => isOn(image))).toEqual([
    true,
    false,
    false,
  ]);
});

test("an address is shown to people, and names the root to the kernel", () => {
  const address = { part: "4", partuuid: UUID_B };
  expect(PARTITION_ADDRESS.text(address)).toBe(`partition 4 (${UUID_B})`);
  expect(PARTITION_ADDRESS.rootOption(address)).toBe(`root=PARTUUID=${UUID_B}`);
});

test.each([
  ["sda", "sda4"],
  ["nvme0n1", "nvme0n1p4"],
])("open() without a disk finds %s by the mounted root", (name, node) => {
  const machine = kernelMachine({
    disks: { [name]: full() },
    mountinfo: mounted("0:21", "/proc") + mounted("8:4", "/"),
    cmdline: "tandem.slot=b",
  });
  const layout = open(machine);
  expect([layout.diskPath, layout.booted, layout.bootedBy]).toEqual([`/dev/${name}`, "b", "mount"]);
  expect(layout.openSlot("b", { write: false })).toMatchObject({
    path: `/dev/${node}`,
    offsetBytes: 0,
  });
});

test("openControl() takes a partition's own node on a device", () => {
  const disk = full();
  const machine = kernelMachine({ disks: { sda: disk }, mountinfo: mounted("8:4", "/") });
  open(machine).openControl({ write: true }).loaderData.write(0, Uint8Array.of(7));
  expect(machine.opened.at(-1)).toBe("held /dev/sda2");
  expect(disk.bytes()[65_536]).toBe(0);
});

test.each([
  ["overlay", mounted("0:30", "/")],
  ["verity device", mounted("253:0", "/")],
  ["initramfs", ""],
])("open() below an %s finds the slot by the kernel command line", (_, mountinfo) => {
  const machine = kernelMachine({
    disks: { sda: imageWith(DATA), sdb: PagedImage.zeros(8192), vda: full() },
    mountinfo,
    cmdline: `root=PARTUUID=${UUID_B.toUpperCase()} ro`,
  });
  const { diskPath, booted, bootedBy } = open(machine);
  expect([diskPath, booted, bootedBy]).toEqual(["/dev/vda", "b", "loader"]);
});

test("open() of a disk and its copy takes the one with the mounted root", () => {
  const machine = kernelMachine({
    disks: { sda: full(), sdb: full() },
    mountinfo: mounted("9:4", "/"),
    cmdline: `root=PARTUUID=${UUID_B}`,
  });
  expect(open(machine)).toMatchObject({ diskPath: "/dev/sdb", booted: "b" });
  expect(open(machine, { disk: "/dev/sda" }).booted).toBeUndefined();
  expect(open(machine, { disk: "/dev/sdb" }).booted).toBe("b");
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
])("open() without a disk refuses to guess: %s", (_, setup, why) => {
  expect(() => open(kernelMachine(setup))).toThrow(why);
});

test("open() does not look at loop devices for the root", () => {
  const machine = kernelMachine({ disks: { loop0: full() }, cmdline: `root=PARTUUID=${UUID_B}` });
  expect(() => open(machine)).toThrow("no disk has it");
  expect(machine.opened).toEqual([]);
});

test("open() follows a link to a disk", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    plain: { "/dev/disk/by-id/ata-1": full() },
    links: { "/dev/disk/by-id/ata-1": "../../sda" },
    mountinfo: mounted("8:3", "/"),
  });
  const layout = open(machine, { disk: "/dev/disk/by-id/ata-1" });
  expect(layout.booted).toBe("a");
  expect(layout.openSlot("b", { write: false }).path).toBe("/dev/sda4");
});

test("a root on another partition of the disk is not a slot", () => {
  const machine = kernelMachine({ disks: { sda: full() }, mountinfo: mounted("8:6", "/") });
  expect(open(machine).booted).toBeUndefined();
});

test("open() refuses when the loader and the kernel disagree on what runs", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:4", "/"),
    cmdline: "tandem.slot=a",
  });
  expect(() => open(machine)).toThrow("the root is on slot b, the boot loader says slot a");
});

test("open() uses the given labels", () => {
  const machine = kernelMachine({ plain: { d: imageWith(CONTROL, A, { ...B, label: "ROOT-B" }) } });
  expect(
    open(machine, { disk: "d", labels: { ...LABELS, b: "ROOT-B" } }).slots.b?.address["part"],
  ).toBe("3");
});

test("open() gives all EFI system partitions in the order of the table, or the one that is configured", () => {
  const second = { ...DATA, label: "EFI 2", type: ESP_TYPE };
  const machine = kernelMachine({ plain: { d: imageWith(ESP, CONTROL, A, B, second) } });
  const namesOf = (esp?: string): string[] =>
    open(machine, { disk: "d", labels: { ...LABELS, esp } }).esps.map(({ name }) => name);
  expect(namesOf()).toEqual(["partition 1", "partition 5"]);
  expect(namesOf("EFI 2")).toEqual(["partition 5"]);
});

test.each([
  ["is not there", "ESP", 'Cannot find partition "ESP" on d: found "EFI", "tandem-control"'],
  ["is there twice", "TWIN", 'Cannot find partition "TWIN" on d: partitions 5, 6 all have this'],
  ["has another type", "tandem-a", 'Cannot use partition "tandem-a" on d: its type is not that'],
])("open() refuses a configured EFI system partition that %s", (_, esp, why) => {
  const twin = { ...DATA, label: "TWIN", type: ESP_TYPE };
  const image = imageWith(ESP, CONTROL, A, B, twin, { ...RECOVERY, label: "TWIN" });
  const machine = kernelMachine({ plain: { d: image } });
  expect(() => open(machine, { disk: "d", labels: { ...LABELS, esp } })).toThrow(
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
])("open() refuses a disk with %s", (_, image, why) => {
  const machine = kernelMachine({ plain: { d: image } });
  const attempt = (): unknown => open(machine, { disk: "d" });
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
  const layout = open(machine);
  expect(() => layout.openSlot("b", { write: false })).toThrow(
    "the kernel has it at 5119488+524288",
  );
});

test("a disk whose partitions have no nodes is used as a whole", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:3", "/"),
    files: { "/sys/class/block/sda/sda2/partition": "?" },
  });
  const { loaderData } = open(machine).openControl({ write: false });
  expect([loaderData.name, loaderData.sizeBytes]).toEqual(["tandem-control on /dev/sda", 1 << 20]);
  expect(machine.opened.at(-1)).toBe("r /dev/sda");
});

test("openSlot() reads a mounted slot, and refuses to write it", () => {
  const machine = kernelMachine({
    disks: { sda: full() },
    mountinfo: mounted("8:3", "/") + mounted("8:4", "/mnt/my\\040disk"),
  });
  const layout = open(machine);
  expect(() => layout.openSlot("b", { write: true })).toThrow(
    '"tandem-b" of /dev/sda: it is mounted at /mnt/my disk',
  );
  expect(() => layout.openSlot("a", { write: true })).toThrow("it is mounted at /");
  expect(layout.openSlot("a", { write: false }).block.sizeBytes).toBe(524_288);
});
