import { expect, test } from "bun:test";
import { isKairosBoot, runningImage } from "../../../src/slot/kairos/running-image.ts";
import { type FakeSetup, kairosKernel } from "./kairos-kernel.ts";

const CMDLINE = "root=LABEL=COS_ACTIVE cos-img/filename=/cOS/active.img";
const ROOT = { device: "7:0", path: "/" };
const OVERLAY = { device: "0:30", path: "/" };
const ACTIVE = { identity: "8:5", device: "8:4" };
const RUNNING = {
  partition: { disk: "sda", number: 4 },
  identity: "8:5",
  file: "/cOS/active.img",
};

test.each<[string, FakeSetup, unknown]>([
  ["the loop device of the root", { mounts: [ROOT], loops: { loop0: ACTIVE } }, RUNNING],
  [
    "the loop device of the root of the host, in a pod",
    { mounts: [OVERLAY, { ...ROOT, path: "/host" }], loops: { loop0: ACTIVE } },
    RUNNING,
  ],
  [
    "the loop device of the root of process 1 of the host",
    { mounts: [OVERLAY], hostMounts: [ROOT], loops: { loop0: ACTIVE } },
    RUNNING,
  ],
  [
    "the only loop device on the initrd's mount, below an overlay",
    {
      mounts: [OVERLAY, { device: "8:4", path: "/run/initramfs/cos-state" }],
      loops: { loop0: { device: "8:1" }, loop3: ACTIVE },
    },
    RUNNING,
  ],
  [
    "the name in the command line, when two loop devices lie there",
    {
      mounts: [OVERLAY, { device: "8:4", path: "/host/run/initramfs/cos-state" }],
      loops: { loop0: ACTIVE, loop1: { ...ACTIVE, identity: "8:6" } },
    },
    { ...RUNNING, identity: undefined },
  ],
  [
    "a squashfs that was started as a live system",
    {
      cmdline: "root=live:LABEL=COS_RECOVERY rd.live.squashimg=/cOS/recovery.squashfs",
      mounts: [OVERLAY, { device: "8:3", path: "/run/initramfs/live" }],
    },
    {
      partition: { disk: "sda", number: 3 },
      identity: undefined,
      file: "/cOS/recovery.squashfs",
    },
  ],
  [
    "nothing in a machine whose root is a partition",
    { mounts: [{ ...ROOT, device: "8:2" }] },
    undefined,
  ],
  ["nothing in a system in memory", { mounts: [OVERLAY] }, undefined],
  [
    "nothing when the loop device lies on no partition",
    { mounts: [ROOT], loops: { loop0: { device: "0:22" } } },
    undefined,
  ],
])("runningImage() finds %s", (_, setup, want) => {
  expect(runningImage(kairosKernel({ cmdline: CMDLINE, ...setup }))).toEqual(want as never);
});

test("runningImage() says why a loop device cannot be read", () => {
  const machine = kairosKernel({
    mounts: [ROOT],
    loops: { loop0: ACTIVE },
    failing: { backingOf: "EACCES" },
  });
  expect(() => runningImage(machine)).toThrow("Cannot backingOf: EACCES");
});

test.each([
  [CMDLINE, true],
  ["kairos.ram root=/dev/ram0", true],
  ["root=LABEL=COS_SYSTEM", true],
  ["root=PARTUUID=1 tandem.slot=a", false],
])("isKairosBoot() with %p", (cmdline, want) => {
  expect(isKairosBoot(kairosKernel({ cmdline }))).toBe(want);
});
