/** Makes disks as Kairos installs them on a machine with a BIOS, and reads files from them. mke2fs(8) fills the file systems without root. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { envBlock } from "../../scripts/disk/env-block.ts";
import { installBiosGrub } from "../../scripts/disk/grub.ts";
import { placeParts, type Part } from "../../scripts/disk/layout.ts";
import { makePartitioned } from "../../scripts/disk/partitioned.ts";
import { KiB, MiB } from "../../src/lib/units.ts";

export type KairosPart = "bios" | "oem" | "recovery" | "state" | "persistent";
type Values = Readonly<Record<string, string>>;

/** A file that is left out or undefined is not on the disk. */
export interface KairosSetup {
  readonly path: string;
  /** Files with an image in each. */
  readonly active?: string | undefined;
  readonly passive?: string | undefined;
  readonly recovery?: string | undefined;
  /** An ext4 image in the place of recovery.squashfs: GRUB detects the file system by its content. */
  readonly squashfs?: string | undefined;
  /** /grubenv on COS_OEM: its values, or bytes that are no environment block. */
  readonly grubenv?: Values | Uint8Array | undefined;
  /** /grub_oem_env on COS_STATE. */
  readonly brand?: Values | undefined;
  /** /boot_assessment on COS_STATE, in the same form. */
  readonly assessment?: Values | Uint8Array | undefined;
  /** More files on COS_STATE: path → content. */
  readonly stateFiles?: Readonly<Record<string, string | Uint8Array>>;
  /** A menu of before April 2026: an entry does not remove the loop device of the entry that failed before it. */
  readonly isOld?: boolean;
  /** Seconds for which GRUB shows its menu. Default: 0. */
  readonly wait?: number;
  readonly stateBytes?: number;
  readonly recoveryBytes?: number;
}

export interface KairosDisk {
  readonly path: string;
  readonly parts: readonly Part<KairosPart>[];
}

/** GRUB modules of the stock menu, besides those of tandem's own. */
const MODULES = ["loopback", "search", "search_fs_file", "search_label"];
/** mke2fs 1.47 can set features that GRUB 2.06 does not know. */
const FEATURES = "^metadata_csum_seed,^orphan_file";
const FILES = join(import.meta.dir, "files");

/** The text of a file in test/kairos/files. */
export function kairosFile(name: string): string {
  return readFileSync(join(FILES, name), "utf8");
}

export function makeKairosDisk(setup: KairosSetup): KairosDisk {
  const parts = placeParts(partsOf(setup));
  const disk = { path: setup.path, parts };
  makePartitioned(disk.path, parts);
  const prefix = `(,gpt${kairosPart(disk, "state").number})/grub2`;
  installBiosGrub(disk.path, { bios: kairosPart(disk, "bios"), prefix, modules: MODULES });
  fill(disk, "oem", { "/grubenv": env(setup.grubenv) });
  fill(disk, "recovery", {
    "/cOS/recovery.img": copyOf(setup.recovery),
    "/cOS/recovery.squashfs": copyOf(setup.squashfs),
  });
  fill(disk, "state", {
    "/cOS/active.img": copyOf(setup.active),
    "/cOS/passive.img": copyOf(setup.passive),
    "/grub2/grub.cfg": grubCfg(setup),
    "/grubcustom": kairosFile("grubcustom"),
    "/grub_boot_assessment": kairosFile("grub_boot_assessment"),
    "/grub_oem_env": env(setup.brand),
    "/boot_assessment": env(setup.assessment),
    ...setup.stateFiles,
  });
  fill(disk, "persistent", {});
  return disk;
}

export function kairosPart(disk: KairosDisk, name: KairosPart): Part<KairosPart> {
  const part = disk.parts.find((one) => one.name === name);
  if (part === undefined) throw new Error(`Cannot find part ${name} on ${disk.path}`);
  return part;
}

/** Reads a file as GRUB sees it: without the journal. Undefined without the file. */
export function readOnDisk(
  disk: KairosDisk,
  name: KairosPart,
  path: string,
): Uint8Array | undefined {
  const copy = join(tmpdir(), `tandem-kairos-${crypto.randomUUID()}`);
  try {
    // debugfs exits with status 0 also when the file does not exist, and then makes no copy.
    command(["debugfs", "-R", `dump ${path} ${copy}`, placeOf(disk, name)]);
    return Uint8Array.from(readFileSync(copy));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  } finally {
    rmSync(copy, { force: true });
  }
}

function placeOf(disk: KairosDisk, name: KairosPart): string {
  return `${disk.path}?offset=${kairosPart(disk, name).offsetBytes}`;
}

function partsOf({ stateBytes = 32 * MiB, recoveryBytes = 16 * MiB }: KairosSetup) {
  return [
    { name: "bios", label: "bios", type: "ef02", sizeBytes: MiB },
    { name: "oem", label: "oem", type: "8300", sizeBytes: 8 * MiB },
    { name: "recovery", label: "recovery", type: "8300", sizeBytes: recoveryBytes },
    { name: "state", label: "state", type: "8300", sizeBytes: stateBytes },
    { name: "persistent", label: "persistent", type: "8300", sizeBytes: 8 * MiB },
  ] as const;
}

/** The content of a file, or a function that makes the file. */
type Content = string | Uint8Array | ((path: string) => void);

function env(values: Values | Uint8Array | undefined): Uint8Array | undefined {
  if (values === undefined || values instanceof Uint8Array) return values;
  return envBlock(values);
}

function copyOf(source: string | undefined): Content | undefined {
  return source === undefined ? undefined : (path) => copyFileSync(source, path);
}

function grubCfg({ isOld = false, wait = 0 }: KairosSetup): string {
  const text = kairosFile("grub.cfg").replace(/^set timeout=.*$/m, `set timeout=${wait}`);
  return isOld ? text.replace(/^ .*loopback -d.*\n/m, "") : text;
}

function fill(
  disk: KairosDisk,
  name: KairosPart,
  contents: Readonly<Record<string, Content | undefined>>,
): void {
  const tree = mkdtempSync(join(tmpdir(), "tandem-kairos-"));
  try {
    for (const [path, content] of Object.entries(contents)) {
      if (content === undefined) continue;
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      if (typeof content === "function") content(join(tree, path));
      else writeFileSync(join(tree, path), content);
    }
    const { offsetBytes, sizeBytes } = kairosPart(disk, name);
    const label = `COS_${name.toUpperCase()}`;
    const form = ["-q", "-F", "-t", "ext4", "-b", "4096", "-O", FEATURES, "-L", label];
    const place = ["-E", `offset=${offsetBytes}`, "-d", tree, disk.path, `${sizeBytes / KiB}k`];
    command(["mke2fs", ...form, ...place]);
  } finally {
    rmSync(tree, { recursive: true });
  }
}
