import { expect, test } from "bun:test";
import { findKairosDisk, hasKairos } from "../../../src/slot/kairos/places.ts";
import { PagedImage } from "../../fakes/paged-image.ts";
import { kernelMachine } from "../kernel-disk.ts";
import { type FakeSetup, kairosKernel, LABELS } from "./kairos-kernel.ts";

const LOOP = { mounts: [{ device: "7:0", path: "/" }], loops: { loop0: { device: "8:4" } } };
const IN_MEMORY = {
  cmdline: "kairos.ram root=LABEL=COS_ACTIVE",
  mounts: [{ device: "0:30", path: "/" }],
};
const TWO_DISKS = { sda: LABELS, sdb: LABELS };

const find = (setup: FakeSetup, path?: string) => findKairosDisk(kairosKernel(setup), path);

test("findKairosDisk() finds the parts on the disk of the running image, and where they are mounted", () => {
  const { path, parts, running } = find({
    ...LOOP,
    disks: TWO_DISKS,
    mounts: [
      ...LOOP.mounts,
      { device: "9:4", path: "/mnt" },
      { device: "8:4", path: "/run/initramfs/cos-state" },
      { device: "8:4", path: "/somewhere", root: "/cOS" },
    ],
  });
  expect([path, running?.identity]).toEqual(["/dev/sda", "8:5"]);
  expect(Object.values(parts).map(({ name, device }) => [name, device])).toEqual([
    ["COS_STATE on /dev/sda", "/dev/sda4"],
    ["COS_RECOVERY on /dev/sda", "/dev/sda3"],
    ["COS_OEM on /dev/sda", "/dev/sda2"],
    ["COS_PERSISTENT on /dev/sda", "/dev/sda5"],
  ]);
  expect(parts.state?.mounts().map((mount) => mount.path)).toEqual(["/run/initramfs/cos-state"]);
  expect(parts.oem?.mounts()).toEqual([]);
});

test("findKairosDisk() takes another disk when it is named, from which nothing runs", () => {
  const { path, running } = find({ ...LOOP, disks: TWO_DISKS }, "/dev/sdb");
  expect([path, running]).toEqual(["/dev/sdb", undefined]);
});

test("findKairosDisk() goes by labels when the system runs from memory, and refuses two disks", () => {
  expect(find(IN_MEMORY).path).toBe("/dev/sda");
  const why =
    "Cannot find the disk that this machine runs from: the root is no image file on a disk, and";
  expect(() => find({ ...IN_MEMORY, disks: TWO_DISKS })).toThrow(
    `${why} /dev/sda and /dev/sdb have a partition COS_STATE`,
  );
  expect(() => find({ ...IN_MEMORY, disks: { sda: ["COS_OEM"] } })).toThrow(
    `${why} no disk has a partition COS_STATE`,
  );
});

test.each<[string, readonly (string | undefined)[], string]>([
  [
    "two partitions with one label",
    ["COS_STATE", "COS_OEM", "COS_STATE"],
    "Cannot use partition COS_STATE on /dev/sda: partitions 1 and 3 have this label",
  ],
  ["no COS_STATE", ["COS_OEM"], "Cannot find partition COS_STATE on /dev/sda"],
])("findKairosDisk() refuses %s", (_, labels, message) => {
  expect(() => find({ disks: { sda: labels } }, "/dev/sda")).toThrow(message);
});

test("findKairosDisk() leaves out a part that is missing or encrypted", () => {
  const { parts } = find({ disks: { sda: [undefined, "COS_STATE"] } }, "/dev/sda");
  expect(Object.keys(parts)).toEqual(["state"]);
});

test("findKairosDisk() reads the labels on a disk in a plain file", () => {
  const image = kairosKernel().openBlock("/dev/sda", { write: false });
  const bytes = new Uint8Array(image.sizeBytes);
  image.readInto(0, bytes);
  const state = kairosKernel().openBlock("/dev/sda4", { write: false });
  const content = new Uint8Array(state.sizeBytes);
  state.readInto(0, content);
  bytes.set(content, 4 * 128 * 512);
  const machine = kernelMachine({ plain: { "/disk.img": PagedImage.of(bytes) } });
  expect(hasKairos(machine, "/disk.img")).toBe(true);
  const { parts, running } = findKairosDisk(machine, "/disk.img");
  expect(running).toBeUndefined();
  expect(parts.state).toMatchObject({ name: "COS_STATE on /disk.img", device: undefined });
});

test.each<[string, { setup: FakeSetup; path?: string }, boolean]>([
  ["the disk of the running image", { setup: LOOP }, true],
  ["one that is named", { setup: {}, path: "/dev/sda" }, true],
  ["another one", { setup: { disks: { sda: ["DATA"] } }, path: "/dev/sda" }, false],
  ["none that cannot be read", { setup: {}, path: "/dev/none" }, false],
  [
    "a running image on another kind of disk",
    { setup: { ...LOOP, disks: { sda: ["a", "b", "c", "d"] } } },
    false,
  ],
  ["a system in memory", { setup: IN_MEMORY }, true],
  [
    "a disk beside a system of another kind",
    { setup: { mounts: [{ device: "8:1", path: "/" }] } },
    false,
  ],
  [
    "a running image that this user may not look at",
    { setup: { ...LOOP, cmdline: "root=LABEL=COS_ACTIVE", failing: { backingOf: "EACCES" } } },
    true,
  ],
])("hasKairos() of %s", (_, { setup, path }, want) => {
  expect(hasKairos(kairosKernel(setup), path)).toBe(want);
});
