import { expect, test } from "bun:test";
import { TandemError } from "../../../src/lib/error.ts";
import { mountOwner, tolerate, unmountStale } from "../../../src/slot/kairos/own-mounts.ts";
import { takeRefusedHints } from "../../../src/system/hint.ts";
import { kairosKernel } from "./kairos-kernel.ts";

test("mountOwner() is the process that has mounted there", () => {
  const machine = kairosKernel();
  expect(mountOwner(machine, "/run/tandem/17/recovery")).toBe("17");
  expect(mountOwner(machine, "/run/initramfs/cos-state")).toBeUndefined();
});

test("unmountStale() unmounts what ended processes have left, the last mount first", () => {
  const machine = kairosKernel({
    mounts: [
      { device: "8:3", path: "/run/tandem/5/recovery" },
      { device: "7:1", path: "/run/tandem/5/root" },
      { device: "0:5", path: "/run/tandem/5/root/dev" },
      { device: "8:3", path: "/run/tandem/6/recovery" },
      { device: "8:4", path: "/run/initramfs/cos-state" },
    ],
    files: { "/proc/6/stat": "6" },
  });
  unmountStale(machine);
  expect(machine.log).toEqual([
    "unmount /run/tandem/5/root/dev",
    "unmount /run/tandem/5/root",
    "unmount /run/tandem/5/recovery",
  ]);
});

test("tolerate() notes failures of the machine, and no others", () => {
  takeRefusedHints();
  tolerate(() => {
    throw new TandemError("disk", "Cannot unmount /x: EBUSY");
  });
  expect(takeRefusedHints()).toEqual(["Cannot unmount /x: EBUSY"]);
  expect(() =>
    tolerate(() => {
      throw new Error("a bug");
    }),
  ).toThrow("a bug");
});
