import { expect, test } from "bun:test";
import { PartFolders } from "../../../src/slot/kairos/part-folders.ts";
import { findKairosDisk } from "../../../src/slot/kairos/places.ts";
import { takeRefusedHints } from "../../../src/system/hint.ts";
import { type FakeKairos, type FakeSetup, kairosKernel } from "./kairos-kernel.ts";

const STATE = { device: "8:4", path: "/run/initramfs/cos-state" };
const READ = { write: false };
const WRITE = { write: true };
const OWN = "/run/tandem/17";

function folders(more: FakeSetup = {}): { folders: PartFolders; machine: FakeKairos } {
  const machine = kairosKernel({
    loops: { loop0: {} },
    ...more,
    mounts: [{ device: "7:0", path: "/" }, STATE, ...(more.mounts ?? [])],
  });
  return { folders: new PartFolders(machine, findKairosDisk(machine, undefined)), machine };
}

test("a mounted part is writable from its first writer to its last one", () => {
  const { folders: parts, machine } = folders();
  const reader = parts.open("state", READ);
  expect([reader.path, ...machine.log]).toEqual([STATE.path]);
  const [one, two] = [parts.open("state", WRITE), parts.open("state", WRITE)];
  one.close();
  one.close();
  expect(machine.log).toEqual([`remount ${STATE.path} rw`]);
  two.close();
  expect(machine.log).toEqual([`remount ${STATE.path} rw`, `remount ${STATE.path} ro`]);
  parts.open("state", WRITE).close();
  reader.close();
  expect(machine.log).toHaveLength(4);
});

test("a part that others have mounted writable stays writable", () => {
  const { folders: parts, machine } = folders({
    mounts: [{ device: "8:2", path: "/oem", access: "rw" }],
  });
  parts.open("oem", WRITE).close();
  expect(machine.log).toEqual([]);
});

test("the mount of the initrd is read-only in the end, also when a killed run has left it writable", () => {
  const machine = kairosKernel({
    loops: { loop0: {} },
    mounts: [
      { device: "7:0", path: "/" },
      { ...STATE, access: "rw" },
    ],
  });
  new PartFolders(machine, findKairosDisk(machine, undefined)).open("state", WRITE).close();
  expect(machine.log).toEqual([`remount ${STATE.path} ro`]);
});

test("a part that is not mounted is mounted for the time of use", () => {
  const { folders: parts, machine } = folders();
  parts.with("recovery", READ, (path) => {
    expect(path).toBe(`${OWN}/recovery`);
    const writer = parts.open("recovery", WRITE);
    writer.close();
  });
  expect(machine.log).toEqual([
    `mount /dev/sda3 ${OWN}/recovery ro`,
    `remount ${OWN}/recovery rw`,
    `remount ${OWN}/recovery ro`,
    `unmount ${OWN}/recovery`,
  ]);
});

test("a layout that is opened a second time has mounts of its own", () => {
  const { folders: one, machine } = folders();
  const two = new PartFolders(machine, findKairosDisk(machine, undefined));
  const opened = [one, two].map((parts) => parts.open("recovery", WRITE));
  expect(opened.map(({ path }) => path)).toEqual([`${OWN}/recovery`, `${OWN}/recovery-2`]);
});

test("a file system that is mounted elsewhere with the other access is mounted with that access first", () => {
  const reading = folders({ failing: { "mount ro": "EBUSY" } });
  reading.folders.with("recovery", READ, () => {});
  const at = `/dev/sda3 ${OWN}/recovery`;
  expect(reading.machine.log).toEqual([
    `mount ${at} ro`,
    `mount ${at} rw`,
    `unmount ${OWN}/recovery`,
  ]);
  const failing = folders({ failing: { "mount ro": "EINVAL" } });
  expect(() => failing.folders.open("recovery", READ)).toThrow("Cannot mount ro: EINVAL");
});

test("a mount that another process of tandem has made is not used", () => {
  const { folders: parts, machine } = folders({
    mounts: [{ device: "8:3", path: "/run/tandem/6/recovery" }],
  });
  parts.open("recovery", WRITE).close();
  expect(machine.log[0]).toBe(`mount /dev/sda3 ${OWN}/recovery ro`);
});

test("nothing is mounted of a disk from which nothing runs", () => {
  const machine = kairosKernel();
  const parts = new PartFolders(machine, findKairosDisk(machine, "/dev/sda"));
  expect(() => parts.open("state", READ)).toThrow(
    expect.objectContaining({
      message: "Cannot reach the files on COS_STATE on /dev/sda: it is not mounted",
      hint: "Mount it first: mount /dev/sda4 /mnt",
    }),
  );
});

test("a part that the disk does not have is named", () => {
  const machine = kairosKernel({ disks: { sda: ["COS_STATE"] } });
  const parts = new PartFolders(machine, findKairosDisk(machine, "/dev/sda"));
  expect(() => parts.open("recovery", READ)).toThrow(
    "Cannot find partition COS_RECOVERY on /dev/sda",
  );
});

test("a part that cannot be made writable is an error; one that stays writable is only noted", () => {
  const never = folders({ failing: { "remount rw": "EROFS" } });
  expect(() => never.folders.open("state", WRITE)).toThrow("Cannot remount rw: EROFS");
  expect(never.folders.open("state", READ).path).toBe(STATE.path);
  takeRefusedHints();
  const stays = folders({ failing: { "remount ro": "EBUSY" } });
  stays.folders.open("state", WRITE).close();
  expect(takeRefusedHints()).toEqual(["Cannot remount ro: EBUSY"]);
});
