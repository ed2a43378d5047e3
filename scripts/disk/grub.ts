import { viewOf } from "../../src/lib/view.ts";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.ts";
import { writeAt } from "./write-at.ts";
import type { Part } from "./layout.ts";

const SECTOR_BYTES = 512;
const GRUB = "/usr/lib/grub";
/** What grub.cfg needs, and a little to look around with by hand. */
const MODULES =
  "part_gpt fat ext2 normal configfile loadenv regexp test true echo linux boot sleep serial terminal reboot halt minicmd ls cat";

/** boot.img, GRUB manual "boot sector": its own code, then the place of core.img. */
const BOOT_IMG = { codeBytes: 440, kernelSector: 0x5c, driveCheck: 0x66 } as const;
/** diskboot.img, the first sector of core.img: its block list has one entry, at the end. */
const BLOCK_LIST = { sector: 500, sectors: 508, segment: 510, segmentValue: 0x820 } as const;

/**
 * Makes a disk image start GRUB under a BIOS: boot.img into its first sector, core.img into the BIOS boot partition. GRUB reads
 * /tandem/grub.cfg of the partition `esp` on the disk that it was started from, without any search.
 */
export function installBiosGrub(disk: string, { bios, esp }: { bios: Part; esp: Part }): void {
  const prefix = `(,gpt${esp.number})/tandem`;
  const core = makeImage({ format: "i386-pc", prefix, modules: ["biosdisk"] });
  if (core.byteLength > bios.sizeBytes)
    throw new Error(`Cannot fit core.img into ${bios.sizeBytes} bytes`);
  const firstSector = bios.offsetBytes / SECTOR_BYTES;
  const list = viewOf(core);
  list.setBigUint64(BLOCK_LIST.sector, BigInt(firstSector + 1), true);
  list.setUint16(BLOCK_LIST.sectors, Math.ceil(core.byteLength / SECTOR_BYTES) - 1, true);
  list.setUint16(BLOCK_LIST.segment, BLOCK_LIST.segmentValue, true);
  const boot = Uint8Array.from(readFileSync(join(GRUB, "i386-pc/boot.img")));
  viewOf(boot).setBigUint64(BOOT_IMG.kernelSector, BigInt(firstSector), true);
  // Two NOPs instead of the jump that leaves the BIOS's drive number alone: some BIOSes pass a wrong one for a hard disk.
  boot.fill(0x90, BOOT_IMG.driveCheck, BOOT_IMG.driveCheck + 2);
  writeAt(disk, 0, boot.subarray(0, BOOT_IMG.codeBytes));
  writeAt(disk, bios.offsetBytes, core);
}

/** GRUB for 64-bit EFI as one file, to lie at /EFI/BOOT/BOOTX64.EFI: it reads /tandem/grub.cfg of the partition that it lies on. */
export function makeEfiGrub(): Uint8Array {
  const modules = ["all_video", "efi_gop"];
  return makeImage({ format: "x86_64-efi", prefix: "/tandem", modules });
}

interface ImageSetup {
  readonly format: "i386-pc" | "x86_64-efi";
  /** Where grub.cfg is: a path, on the partition of the image itself or on the one before it. */
  readonly prefix: string;
  /** Beyond MODULES. */
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
