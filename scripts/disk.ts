/**
 * Makes a disk image with tandem's partitions and a boot loader, as an ordinary user: no mount, no loop device. GRUB starts from BIOS
 * and EFI, systemd-boot from EFI alone.
 *
 *   bun scripts/disk.ts DISK [--loader grub|systemd-boot] [--slot MIB] [--recovery MIB] [--data MIB] [--esp MIB] [--wait SECONDS]
 *     [--serial UNIT] [--options TEXT]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LoaderName } from "../src/boot/loaders.ts";
import { KiB, MiB } from "../src/lib/units.ts";
import { command } from "./disk/command.ts";
import { envBlock } from "./disk/env-block.ts";
import { installBiosGrub, makeEfiGrub } from "./disk/grub.ts";
import { makePartitioned } from "./disk/partitioned.ts";
import { diskBytes, layOut, type DiskSizes, type Part, type PartName } from "./disk/layout.ts";

export interface DiskSetup extends DiskSizes {
  /** The path of the new image file. */
  readonly path: string;
  /** Default: GRUB. */
  readonly loader?: LoaderName;
  /** The slot to boot when the control partition holds no valid record. */
  readonly fallback?: "a" | "b" | "recovery";
  /** How many seconds GRUB waits for ESC, which shows the menu. */
  readonly wait?: number;
  /** The unit of the serial console that GRUB uses in addition to the screen. */
  readonly serial?: number;
  /** The kernel options of the machine. */
  readonly options?: string;
}

export interface Disk {
  readonly path: string;
  readonly sizeBytes: number;
  readonly parts: readonly Part[];
}

const SECTOR_BYTES = 512;
const SYSTEMD_BOOT = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
const GRUB_CFG = join(import.meta.dir, "../src/boot/grub/grub.cfg");

/** Makes the disk. Its slots are empty, and its control partition is all zeros: GRUB finds no record and shows its menu. */
export function makeDisk(setup: DiskSetup): Disk {
  const parts = layOut(setup);
  const disk = { path: setup.path, sizeBytes: diskBytes(parts), parts };
  makePartitioned(disk.path, parts);
  const isGrub = setup.loader !== "systemd-boot";
  if (isGrub) {
    const prefix = `(,gpt${partOf(disk, "esp").number})/tandem`;
    installBiosGrub(disk.path, { bios: partOf(disk, "bios"), prefix });
  }
  fillEsp(disk, isGrub ? grubFiles(disk, setup) : systemdBootFiles(setup));
  return disk;
}

/** Returns the partition with this name. */
export function partOf(disk: Disk, name: PartName): Part {
  const part = disk.parts.find((one) => one.name === name);
  if (part === undefined) throw new Error(`Cannot find part ${name} on ${disk.path}`);
  return part;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

function fillEsp(disk: Disk, contents: Files): void {
  const esp = partOf(disk, "esp");
  const offset = `--offset=${esp.offsetBytes / SECTOR_BYTES}`;
  const kib = `${esp.sizeBytes / KiB}`;
  command(["mkfs.vfat", "-F", "32", "-s", "1", "-n", "ESP", offset, disk.path, kib]);
  const files = mkdtempSync(join(tmpdir(), "tandem-esp-"));
  try {
    const image = ["-i", `${disk.path}@@${esp.offsetBytes}`];
    command(["mmd", ...image, ...foldersOf(contents).map((path) => `::${path}`)]);
    for (const [path, bytes] of Object.entries(contents)) {
      const source = join(files, "file");
      writeFileSync(source, bytes);
      command(["mcopy", ...image, source, `::${path}`]);
    }
  } finally {
    rmSync(files, { recursive: true });
  }
}

/** Each folder comes after its parent. */
function foldersOf(contents: Files): string[] {
  const paths = Object.keys(contents).flatMap((path) => {
    const names = path.split("/").slice(1, -1);
    return names.map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
  });
  return [...new Set(paths)];
}

function grubFiles(disk: Disk, setup: DiskSetup): Files {
  return {
    "/EFI/BOOT/BOOTX64.EFI": makeEfiGrub(),
    "/tandem/grub.cfg": readFileSync(GRUB_CFG),
    "/tandem/tries": envBlock({}),
    "/tandem/disk.cfg": envBlock({
      control: `${partOf(disk, "control").number}`,
      fallback: setup.fallback ?? "a",
      wait: `${setup.wait ?? 0}`,
      serial: `${setup.serial ?? ""}`,
      options: setup.options ?? "",
    }),
  };
}

/**
 * loader.conf is written only here: the entries themselves decide which one is first. Without a random seed systemd-boot
 * writes only the names of entries.
 */
function systemdBootFiles({ wait = 0, options = "" }: DiskSetup): Files {
  const lines = [`timeout ${wait}`, "default tandem-*", "editor no", "random-seed-mode off"];
  return {
    "/EFI/BOOT/BOOTX64.EFI": readFileSync(SYSTEMD_BOOT),
    "/loader/loader.conf": `${lines.join("\n")}\n`,
    "/tandem/options": `${options}\n`,
  };
}

/** Parses a whole number of MiB, and returns bytes. */
function mebibytes(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * MiB;
  throw new Error(`Cannot use size "${text}": want a whole number of MiB`);
}

function loaderNamed(text: string): LoaderName {
  if (text === "grub" || text === "systemd-boot") return text;
  throw new Error(`Cannot use loader "${text}": want grub or systemd-boot`);
}

function main(args: readonly string[]): void {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      loader: text,
      slot: text,
      recovery: text,
      data: text,
      esp: text,
      wait: text,
      serial: text,
      options: text,
    },
  });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1)
    throw new Error("Cannot make a disk: want one path");
  const disk = makeDisk({
    path,
    ...(values.loader === undefined ? {} : { loader: loaderNamed(values.loader) }),
    ...(values.esp === undefined ? {} : { espBytes: mebibytes(values.esp) }),
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
