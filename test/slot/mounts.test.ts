import { expect, test } from "bun:test";
import { parseMounts, rootDevice } from "../../src/slot/mounts.ts";

const MOUNTINFO = String.raw`22 1 0:2 / / rw - rootfs rootfs rw
26 22 8:2 / / ro,relatime shared:1 - ext4 /dev/sda2 ro
27 26 8:4 /sub /mnt/a\040b\134c rw - ext4 /dev/sda4 rw
28 26 8:1 / /efi rw,relatime shared:2 - vfat /dev/sda1 ro,fmask=0022
`;

test("parseMounts() reads device, folder, mount point and read-only", () => {
  expect(parseMounts(MOUNTINFO)).toEqual([
    { device: "0:2", root: "/", path: "/", isReadOnly: false },
    { device: "8:2", root: "/", path: "/", isReadOnly: true },
    { device: "8:4", root: "/sub", path: String.raw`/mnt/a b\c`, isReadOnly: false },
    { device: "8:1", root: "/", path: "/efi", isReadOnly: true },
  ]);
});

test("rootDevice() is the device of the last mount at the root", () => {
  expect(rootDevice(parseMounts(MOUNTINFO))).toBe("8:2");
  expect(rootDevice([])).toBeUndefined();
});
