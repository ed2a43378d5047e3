import { viewOf } from "../../lib/view.ts";
/** The header of a kernel image: Linux Documentation/arch/x86/boot.rst, arch/arm64/booting.rst, arch/riscv/boot-image-header.rst. */

/** Every header ends before this. */
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
/** The first version of the boot protocol whose load flags say whether the kernel has 64-bit code. */
const WITH_LOAD_FLAGS = 0x020c;
const HAS_64_BIT_CODE = 1;

/** Offset, magic and name of other architectures. */
const OTHERS = [
  [0x38, "ARM\u0064", "arm64"],
  [0x38, "RSC\u0005", "riscv64"],
  [0x24, "\u0018\u0028\u006f\u0001", "arm"],
] as const;

interface KernelFacts {
  /** undefined: the header does not say. */
  readonly architecture: string | undefined;
  readonly sizeBytesMin: number;
}

export interface KernelFile {
  /** The first KERNEL_HEAD_BYTES of the file, or all of a smaller one. */
  readonly head: Uint8Array;
  readonly sizeBytes: number;
}

/** Why the kernel cannot be started on that architecture, as the end of a sentence ("is no …"). undefined: its header is right. */
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
  const hasLoadFlags = view.getUint16(X86.version, true) >= WITH_LOAD_FLAGS;
  return {
    architecture: hasLoadFlags ? (has64 ? "amd64" : "386") : undefined,
    sizeBytesMin:
      (view.getUint8(X86.setupSectors) + 1) * SECTOR_BYTES +
      view.getUint32(X86.protectedModeParagraphs, true) * PARAGRAPH_BYTES,
  };
}

function textAt(head: Uint8Array, offset: number): string {
  return String.fromCharCode(...head.subarray(offset, offset + 4));
}
