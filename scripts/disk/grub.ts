import { viewOf } from "../../src/lib/view.ts";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.ts";
import { writeAt } from "./write-at.ts";
import type { Part } from "./layout.ts";

const SECTOR_BYTES = 512;
const GRUB = "/usr/lib/grub";
/** The modules that grub.cfg needs, and some for commands by hand. */
const MODULES =
  "part_gpt fat ext2 normal configfile loadenv regexp test true echo linux boot sleep serial terminal reboot halt minicmd ls cat";

/** boot.img, GRUB manual "boot sector": code, then the sector of core.img. */
const BOOT_IMG = { codeBytes: 440, kernelSector: 0x5c, driveCheck: 0x66 } as const;
/** diskboot.img, the first sector of core.img: its block list has one entry, at the end. */
const BLOCK_LIST = { sector: 500, sectors: 508, segment: 510, segmentValue: 0x820 } as const;

export interface BiosGrub {
  /** The BIOS boot partition. */
  readonly bios: Pick<Part, "offsetBytes" | "sizeBytes">;
  /** The folder of grub.cfg on the disk of GRUB: "(,gpt2)/tandem". */
  readonly prefix: string;
  /** GRUB modules besides those of tandem's own grub.cfg. */
  readonly modules?: readonly string[];
}

/** Installs GRUB for BIOS: boot.img into the first sector, core.img into the BIOS boot partition. */
export function installBiosGrub(disk: string, { bios, prefix, modules = [] }: BiosGrub): void {
  const core = makeImage({ format: "i386-pc", prefix, modules: ["biosdisk", ...modules] });
  if (core.byteLength > bios.sizeBytes)
    throw new Error(`Cannot fit core.img into ${bios.sizeBytes} bytes`);
  const firstSector = bios.offsetBytes / SECTOR_BYTES;
  const list = viewOf(core);
  list.setBigUint64(BLOCK_LIST.sector, BigInt(firstSector + 1), true);
  list.setUint16(BLOCK_LIST.sectors, Math.ceil(core.byteLength / SECTOR_BYTES) - 1, true);
  list.setUint16(BLOCK_LIST.segment, BLOCK_LIST.segmentValue, true);
  const boot = Uint8Array.from(readFileSync(join(GRUB, "i386-pc/boot.img")));
  viewOf(boot).setBigUint64(BOOT_IMG.kernelSector, BigInt(firstSector), true);
  // Two NOPs replace the jump that keeps the BIOS's drive number: some BIOSes pass a wrong number for a hard disk.
  boot.fill(0x90, BOOT_IMG.driveCheck, BOOT_IMG.driveCheck + 2);
  writeAt(disk, 0, boot.subarray(0, BOOT_IMG.codeBytes));
  writeAt(disk, bios.offsetBytes, core);
}

/** GRUB for 64-bit EFI as one file, for /EFI/BOOT/BOOTX64.EFI. It reads /tandem/grub.cfg from its own partition. */
export function makeEfiGrub(): Uint8Array {
  const modules = ["all_video", "efi_gop"];
  return makeImage({ format: "x86_64-efi", prefix: "/tandem", modules });
}

interface ImageSetup {
  readonly format: "i386-pc" | "x86_64-efi";
  /** The folder of grub.cfg: a path, optionally with the partition before it. */
  readonly prefix: string;
  /** In addition to MODULES. */
  readonly modules: readonly string[];
}

function makeImage({ format, prefix, modules }: ImageSetup): Uint8Array {
  const output = join(tmpdir(), `tandem-${format}-${crypto.randomUUID()}`);
  const options = ["-O", format, "-d", join(GRUB, format), "-p", prefix, "-o", output];
  command(["grub-mkimage", ...options, ...modules, ...MODULES.split(" ")]);
  const bytes = Uint8Array.from(readFileSync(output));
  rmSync(output);
  return bytes;
}
