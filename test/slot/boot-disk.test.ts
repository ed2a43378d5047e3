import { expect, test } from "bun:test";
import { bootFacts, findBootDisk } from "../../src/slot/boot-disk.ts";
import { gptImage } from "../disk/gpt-image.ts";
import { kernelMachine, mounted } from "./kernel-disk.ts";

const IMAGE = gptImage({ partitions: [{ label: "x", firstLba: 64, lastLba: 127 }] });
const PARTUUID = "01010101-0101-0101-0101-010101010101";

test("bootFacts() reads the partition of the root and the kernel command line", () => {
  const machine = kernelMachine({
    disks: { sda: IMAGE },
    mountinfo: mounted("8:1", "/"),
    cmdline: `root=PARTUUID=${PARTUUID}`,
  });
  expect(bootFacts(machine)).toMatchObject({
    root: { disk: "sda", number: 1 },
    cmdline: { rootPartuuid: PARTUUID },
  });
});

test("findBootDisk() does not open a disk when the root is mounted from one", () => {
  const machine = kernelMachine({ disks: { sda: IMAGE }, mountinfo: mounted("8:1", "/") });
  expect(findBootDisk(machine, bootFacts(machine))).toBe("sda");
  expect(machine.opened).toEqual([]);
});

test("findBootDisk() closes every disk that it has opened", () => {
  const machine = kernelMachine({ disks: { sda: IMAGE }, cmdline: `root=PARTUUID=${PARTUUID}` });
  expect(findBootDisk(machine, bootFacts(machine))).toBe("sda");
  expect(machine.closed).toEqual(["/dev/sda"]);
});

test("findBootDisk() throws errors that are not about a disk", () => {
  const machine = kernelMachine({ disks: { sda: IMAGE }, cmdline: `root=PARTUUID=${PARTUUID}` });
  const broken = {
    ...machine,
    openBlock: () => {
      throw new RangeError("a bug");
    },
  };
  expect(() => findBootDisk(broken, bootFacts(broken))).toThrow("a bug");
});
