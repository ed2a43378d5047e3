import { expect, test } from "bun:test";
import { parseMounts, rootDevice } from "../../src/slot/mounts.ts";

const MOUNTINFO = String.raw`22 1 0:2 / / rw - rootfs rootfs rw
26 22 8:2 / / ro,relatime shared:1 - ext4 /dev/sda2 ro
27 26 8:4 /sub /mnt/a\040b\134c rw - ext4 /dev/sda4 rw
`;

test("parseMounts() reads device and path", () => {
  expect(parseMounts(MOUNTINFO)).toEqual([
    { device: "0:2", path: "/" },
    { device: "8:2", path: "/" },
    { device: "8:4", path: String.raw`/mnt/a b\c` },
  ]);
});

test("rootDevice() is the last that was mounted at the root", () => {
  expect(rootDevice(parseMounts(MOUNTINFO))).toBe("8:2");
  expect(rootDevice([])).toBeUndefined();
});
