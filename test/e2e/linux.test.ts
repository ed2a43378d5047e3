/** GRUB, Linux and an initrd without tandem: the options reach the kernel, and a panic returns to GRUB. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { makeDisk, partOf, type Disk, type DiskSetup } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import { MiB } from "../../src/lib/units.ts";
import type { PartitionSlot } from "../../src/slot/slot.ts";
import { tar } from "../peers/tar.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { startGuest } from "./guest.ts";
import { guestMembers, type GuestSetup } from "./guest-image.ts";
import { guestKernel } from "./guest-kernel.ts";
import { UNDER_LOAD } from "./machine.ts";
import { fillSlot, writeRecord, writeSpec } from "./probe-disk.ts";

setDefaultTimeout(1_800_000);

const PANIC_SECONDS = 600;

function install(
  disk: Disk,
  slot: PartitionSlot,
  { folder, ...guest }: GuestSetup & { folder: TemporaryFolder },
): void {
  const tree = folder.in(slot);
  mkdirSync(tree);
  command(["tar", "-xf", "-", "-C", tree], tar(guestMembers(guest)));
  fillSlot(disk, slot, tree);
  const { version } = guestKernel();
  writeSpec(disk, slot, {
    kernel: `/boot/vmlinuz-${version}`,
    initrd: `/boot/initrd.img-${version}`,
    options: `console=ttyS0 quiet net.ifnames=0 ${UNDER_LOAD}`,
  });
}

test.each([
  ["bios", { serial: 0 }],
  ["efi", {}],
] as const)(
  "under %s a trial that panics is left for the good slot",
  async (firmware, setup: Pick<DiskSetup, "serial">) => {
    await using folder = await temporaryFolder();
    const disk = makeDisk({ path: folder.in("disk"), slotBytes: 48 * MiB, ...setup });
    install(disk, "a", { folder, version: "1" });
    install(disk, "b", { folder, version: "2", atBoot: "echo c > /proc/sysrq-trigger" });
    writeRecord(disk, 0, { gen: 1, good: "a", trial: "b", tries: 1, limit: 0, last: undefined });
    await using guest = startGuest({ disks: [disk.path], firmware });
    const root = (slot: PartitionSlot): string => `/dev/vda${partOf(disk, slot).number} ro`;
    expect(await guest.booted()).toEqual({ slot: "b", version: "2", root: root("b") });
    await guest.machine.expectLine(/Kernel panic/, PANIC_SECONDS);
    expect(await guest.booted()).toEqual({ slot: "a", version: "1", root: root("a") });
    const { output } = await guest.run("cat /proc/cmdline");
    expect(output).toContain(
      " panic=10 tandem.slot=a tandem.gen=1 tandem.fell=b tandem.why=tries ",
    );
  },
);
