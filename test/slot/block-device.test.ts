import { expect, test } from "bun:test";
import {
  diskNames,
  kernelNameOf,
  kernelPartition,
  nodeOf,
  partitionOfDevice,
} from "../../src/slot/block-device.ts";
import { gptImage } from "../disk/gpt-image.ts";
import { kernelMachine } from "./kernel-disk.ts";

const IMAGE = gptImage({ partitions: [{ label: "x", firstLba: 64, lastLba: 127 }] });
const machine = kernelMachine({
  disks: { sda: IMAGE, "cciss!c0d0": IMAGE, loop0: IMAGE, zram0: IMAGE },
  links: {
    "/dev/disk/by-id/x": "../../sda",
    "/home/disk": "/dev/disk/by-id/x",
    "/dev/ring": "ring",
  },
});

test.each([
  ["/dev/sda", "sda"],
  ["/dev/disk/by-id/x", "sda"],
  ["disk", "sda"],
  ["/dev/cciss/c0d0", "cciss!c0d0"],
  ["/dev/ring", undefined],
  ["/dev/none", undefined],
  ["sda", undefined],
] as const)("kernelNameOf(%s) is %p", (path, name) => {
  expect(kernelNameOf(machine, path)).toBe(name);
});

test("nodeOf() turns the kernel's exclamation mark into a slash", () => {
  expect(nodeOf("cciss!c0d0")).toBe("/dev/cciss/c0d0");
});

test("diskNames() lists no partitions and no devices that no machine boots from", () => {
  expect(diskNames(machine)).toEqual(["sda", "cciss!c0d0"]);
});

test("kernelPartition() gives the place of a partition", () => {
  expect(kernelPartition(machine, "sda", 1)).toEqual({
    path: "/dev/sda1",
    device: "8:1",
    offsetBytes: 64 * 512,
    sizeBytes: 64 * 512,
  });
  expect(kernelPartition(machine, "sda", 2)).toBeUndefined();
});

test("kernelPartition() throws when the kernel does not say where a partition lies", () => {
  const files = { "/sys/class/block/sda/sda1/start": "" };
  const broken = kernelMachine({ disks: { sda: IMAGE }, files });
  expect(() => kernelPartition(broken, "sda", 1)).toThrow("does not say where the partition lies");
});

test.each([
  ["8:1", { disk: "sda", number: 1 }],
  ["8:0", undefined],
  ["0:22", undefined],
] as const)("partitionOfDevice(%s) is %p", (device, partition) => {
  expect(partitionOfDevice(machine, device)).toEqual(partition);
});
