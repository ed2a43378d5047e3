import { viewOf } from "../../lib/view.ts";
/** What a kernel has to look like to be started: Linux Documentation/arch/x86/boot.rst, arch/arm64/booting.rst, arch/riscv/boot-image-header.rst. */

/** All headers lie within. */
export const KERNEL_HEAD_BYTES = 4096;

/** The real-mode kernel header. */
const X86 = {
  setupSectors: 0x1f1,
  protectedModeParagraphs: 0x1f4,
  bootFlag: 0x1fe,
  magic: 0x202,
  version: 0x206,
  loadFlags: 0x236,
  end: 0x238,
} as const;
const BOOT_FLAG = 0xaa55;
const SECTOR_BYTES = 512;
const PARAGRAPH_BYTES = 16;
/** From this version of the boot protocol on the load flags tell whether there is 64-bit code. */
const WITH_LOAD_FLAGS = 0x020c;
const HAS_64_BIT_CODE = 1;

/** Where an image of another architecture has its magic. */
const OTHERS = [
  [0x38, "ARM\u0064", "arm64"],
  [0x38, "RSC\u0005", "riscv64"],
  [0x24, "\u0018\u0028\u006f\u0001", "arm"],
] as const;

interface KernelFacts {
  /** undefined: the header does not tell. */
  readonly architecture: string | undefined;
  readonly sizeBytesMin: number;
}

export interface KernelFile {
  /** The first KERNEL_HEAD_BYTES, or all if there are fewer. */
  readonly head: Uint8Array;
  readonly sizeBytes: number;
}

/** Why a boot loader cannot start it on that architecture ("is no …"); undefined: it can, as far as its header tells. */
export function flawOfKernel(file: KernelFile, wanted: string): string | undefined {
  const facts = readHeader(file.head);
  if (facts === undefined) return "is no Linux kernel";
  const { architecture = wanted, sizeBytesMin } = facts;
  if (architecture !== wanted) return `is for ${architecture}, the machine is ${wanted}`;
  if (file.sizeBytes < sizeBytesMin)
    return `is cut off: ${file.sizeBytes} bytes of at least ${sizeBytesMin}`;
  return undefined;
}

function readHeader(head: Uint8Array): KernelFacts | undefined {
  const isX86 = textAt(head, X86.magic) === "HdrS" && head.byteLength >= X86.end;
  if (isX86) return readX86(viewOf(head));
  const other = OTHERS.find(([offset, magic]) => textAt(head, offset) === magic);
  return other && { architecture: other[2], sizeBytesMin: 0 };
}

function readX86(view: DataView): KernelFacts | undefined {
  if (view.getUint16(X86.bootFlag, true) !== BOOT_FLAG) return undefined;
  const has64 = (view.getUint16(X86.loadFlags, true) & HAS_64_BIT_CODE) !== 0;
  const tells = view.getUint16(X86.version, true) >= WITH_LOAD_FLAGS;
  return {
    architecture: tells ? (has64 ? "amd64" : "386") : undefined,
    sizeBytesMin:
      (view.getUint8(X86.setupSectors) + 1) * SECTOR_BYTES +
      view.getUint32(X86.protectedModeParagraphs, true) * PARAGRAPH_BYTES,
  };
}

function textAt(head: Uint8Array, offset: number): string {
  return String.fromCharCode(...head.subarray(offset, offset + 4));
}
