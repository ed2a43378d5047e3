/**
 * Makes a disk image with tandem's partitions and GRUB for BIOS and EFI, as an ordinary user: no mount, no loop device.
 *
 *   bun scripts/disk.ts DISK [--slot MIB] [--recovery MIB] [--data MIB] [--wait SECONDS] [--serial UNIT] [--options TEXT]
 */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KiB, MiB } from "../src/lib/units.ts";
import { command } from "./disk/command.ts";
import { envBlock } from "./disk/env-block.ts";
import { installBiosGrub, makeEfiGrub } from "./disk/grub.ts";
import { diskBytes, layOut, type DiskSizes, type Part, type PartName } from "./disk/layout.ts";

export interface DiskWish extends DiskSizes {
  /** The image file to make. */
  readonly path: string;
  /** The slot to boot when the control partition holds no valid record. */
  readonly fallback?: "a" | "b" | "recovery";
  /** Seconds in which ESC brings up the menu. */
  readonly wait?: number;
  /** Unit of a serial console that GRUB uses besides the screen. */
  readonly serial?: number;
  /** Kernel options of this machine. */
  readonly options?: string;
}

export interface Disk {
  readonly path: string;
  readonly sizeBytes: number;
  readonly parts: readonly Part[];
}

const SECTOR_BYTES = 512;
const GRUB_CFG = join(import.meta.dir, "../src/boot/grub.cfg");

/** Makes the disk. Its slots are empty and its control partition is all zeros: GRUB finds no record there and shows its menu. */
export function makeDisk(wish: DiskWish): Disk {
  const parts = layOut(wish);
  const disk = { path: wish.path, sizeBytes: diskBytes(parts), parts };
  writeFileSync(disk.path, "");
  truncateSync(disk.path, disk.sizeBytes);
  partition(disk);
  installBiosGrub(disk.path, { bios: partOf(disk, "bios"), esp: partOf(disk, "esp") });
  fillEsp(disk, wish);
  return disk;
}

/** The partition with that name. */
export function partOf(disk: Disk, name: PartName): Part {
  const part = disk.parts.find((one) => one.name === name);
  if (part === undefined) throw new Error(`Cannot find part ${name} on ${disk.path}`);
  return part;
}

function partition({ path, parts }: Disk): void {
  const options = parts.flatMap(({ number, label, type, partuuid, offsetBytes, sizeBytes }) => {
    const first = offsetBytes / SECTOR_BYTES;
    const last = first + sizeBytes / SECTOR_BYTES - 1;
    const range = `--new=${number}:${first}:${last}`;
    const names = [`--typecode=${number}:${type}`, `--change-name=${number}:${label}`];
    return [range, ...names, `--partition-guid=${number}:${partuuid}`];
  });
  command(["sgdisk", "--clear", ...options, path]);
}

function fillEsp(disk: Disk, wish: DiskWish): void {
  const esp = partOf(disk, "esp");
  const offset = `--offset=${esp.offsetBytes / SECTOR_BYTES}`;
  const kib = `${esp.sizeBytes / KiB}`;
  command(["mkfs.vfat", "-F", "32", "-s", "1", "-n", "ESP", offset, disk.path, kib]);
  const files = mkdtempSync(join(tmpdir(), "tandem-esp-"));
  try {
    const image = ["-i", `${disk.path}@@${esp.offsetBytes}`];
    command(["mmd", ...image, "::/EFI", "::/EFI/BOOT", "::/tandem"]);
    for (const [path, bytes] of Object.entries(espFiles(disk, wish))) {
      const source = join(files, "file");
      writeFileSync(source, bytes);
      command(["mcopy", ...image, source, `::${path}`]);
    }
  } finally {
    rmSync(files, { recursive: true });
  }
}

function espFiles(disk: Disk, wish: DiskWish): Readonly<Record<string, string | Uint8Array>> {
  return {
    "/EFI/BOOT/BOOTX64.EFI": makeEfiGrub(),
    "/tandem/grub.cfg": readFileSync(GRUB_CFG),
    "/tandem/tries": envBlock({}),
    "/tandem/disk.cfg": envBlock({
      control: `${partOf(disk, "control").number}`,
      fallback: wish.fallback ?? "a",
      wait: `${wish.wait ?? 0}`,
      serial: `${wish.serial ?? ""}`,
      options: wish.options ?? "",
    }),
  };
}

/** A whole number of MiB from the command line, in bytes. */
function mebibytes(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * MiB;
  throw new Error(`Cannot use size "${text}": want a whole number of MiB`);
}

function main(args: readonly string[]): void {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { slot: text, recovery: text, data: text, wait: text, serial: text, options: text },
  });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1)
    throw new Error("Cannot make a disk: want one path");
  const disk = makeDisk({
    path,
    slotBytes: mebibytes(values.slot ?? "1024"),
    recoveryBytes: mebibytes(values.recovery ?? "0"),
    dataBytes: mebibytes(values.data ?? "0"),
    wait: Number(values.wait ?? "2"),
    ...(values.serial === undefined ? {} : { serial: Number(values.serial) }),
    options: values.options ?? "",
  });
  console.log(JSON.stringify(disk, undefined, 2));
}

if (import.meta.main) main(process.argv.slice(2));
