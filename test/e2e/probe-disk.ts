import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDisk, partOf, type Disk, type DiskSetup } from "../../scripts/disk.ts";
import { PARTITION_ADDRESS } from "../../src/slot/partitions.ts";
import { command } from "../../scripts/disk/command.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import { encodeRecord, type BootRecord } from "../../src/control/record.ts";
import { encodeSpec, type SlotSpec } from "../../src/control/spec.ts";
import { Fat } from "../../src/fat/fat.ts";
import { readGeometry } from "../../src/fat/geometry.ts";
import { FatTable, offsetOfCluster } from "../../src/fat/table.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { PARTITION_SLOTS, type PartitionSlot } from "../../src/slot/slot.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { probeKernel } from "./probe-kernel.ts";

/** Offsets on the control partition, see docs/control-partition.md. */
const RECORD_OFFSETS = [0, 4 * KiB] as const;
const SPEC_OFFSETS = { a: 16 * KiB, b: 20 * KiB, recovery: 24 * KiB } as const;

export const KERNEL = "/boot/vmlinuz-1";
export const INITRD = "/boot/initrd-1";

/** A disk with the probe kernel in all three slots, and a spec of each, but no record. */
export function makeProbeDisk(path: string, setup: Pick<DiskSetup, "serial" | "wait">): Disk {
  const disk = makeDisk({ path, slotBytes: 4 * MiB, recoveryBytes: 4 * MiB, ...setup });
  const tree = mkdtempSync(join(tmpdir(), "tandem-probe-"));
  try {
    mkdirSync(join(tree, "boot"));
    writeFileSync(join(tree, KERNEL), probeKernel());
    writeFileSync(join(tree, INITRD), "an initrd of which nothing is read");
    for (const slot of PARTITION_SLOTS) {
      fillSlot(disk, slot, tree);
      writeSpec(disk, slot);
    }
  } finally {
    rmSync(tree, { recursive: true });
  }
  return disk;
}

/** Copies the disk to another path, so that it can be changed. */
export function copyDisk(disk: Disk, path: string): Disk {
  copyFileSync(disk.path, path);
  return { ...disk, path };
}

/** Makes a file system with the files of `tree`, in a form that every GRUB reads. */
export function fillSlot(disk: Disk, slot: PartitionSlot, tree: string): void {
  const { offsetBytes, sizeBytes } = partOf(disk, slot);
  const place = ["-E", `offset=${offsetBytes}`, "-d", tree, disk.path, `${sizeBytes / KiB}k`];
  command(["mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", ...place]);
}

export function writeSpec(disk: Disk, slot: PartitionSlot, change: Partial<SlotSpec> = {}): void {
  const { number, partuuid } = partOf(disk, slot);
  const spec: SlotSpec = {
    kernel: KERNEL,
    initrd: INITRD,
    options: `image=${slot} quiet`,
    address: { part: `${number}`, partuuid },
    digest: `sha256:${"0".repeat(64)}`,
    ...change,
  };
  const bytes = encodeSpec(slot, spec, PARTITION_ADDRESS);
  writeControl(disk, SPEC_OFFSETS[slot], bytes);
}

/** Makes the data of a file unreadable: its only block lies beyond the end of the disk. */
export function breakFile(disk: Disk, slot: PartitionSlot, path: string): void {
  const image = `${disk.path}?offset=${partOf(disk, slot).offsetBytes}`;
  command(["debugfs", "-w", "-R", `set_inode_field ${path} block[0] 4000000000`, image]);
}

/** Does what the first step of an upgrade does to its slot. */
export function eraseSpec(disk: Disk, slot: PartitionSlot): void {
  writeControl(disk, SPEC_OFFSETS[slot], new Uint8Array(4 * KiB));
}

export function writeRecord(disk: Disk, copy: 0 | 1, record: BootRecord): void {
  writeControl(disk, RECORD_OFFSETS[copy], encodeRecord(record));
}

/** Makes a write that a power cut has torn: only the first of its two sectors is on the disk. */
export function tearRecord(disk: Disk, copy: 0 | 1, record: BootRecord): void {
  writeControl(disk, RECORD_OFFSETS[copy], encodeRecord(record).subarray(0, 512));
}

/** Writes GRUB's count with these values to a fragmented file: its second half does not follow the first. */
export async function splitScratch(disk: Disk, lines: string): Promise<void> {
  const { offsetBytes, sizeBytes } = partOf(disk, "esp");
  const bytes = readFileSync(disk.path).subarray(offsetBytes, offsetBytes + sizeBytes);
  const file = PagedImage.of(bytes).file();
  const text = Buffer.from(`# GRUB Environment Block\n${lines}`.padEnd(KiB, "#"));
  await Fat.open(file).remove("/tandem/tries");
  await Fat.open(file).write("/tandem/tries", { sizeBytes: KiB, read: () => [text] });
  const geometry = readGeometry(file);
  const at = Buffer.from(readBlock(file, 0, sizeBytes)).indexOf(text);
  const first = (at - geometry.dataOffsetBytes) / geometry.clusterBytes + 2;
  const second = geometry.clusters;
  file.write(offsetOfCluster(geometry, second), text.subarray(geometry.clusterBytes));
  const table = new FatTable(file, geometry);
  table.free(table.chainFrom(first, "tries"));
  table.link([first, second]);
  await table.save();
  writeAt(disk.path, offsetBytes, readBlock(file, 0, sizeBytes));
}

function writeControl(disk: Disk, offsetBytes: number, bytes: Uint8Array): void {
  writeAt(disk.path, partOf(disk, "control").offsetBytes + offsetBytes, bytes);
}
