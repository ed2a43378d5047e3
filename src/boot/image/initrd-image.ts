/** An initramfs: a row of cpio archives, as Linux unpacks them (Documentation/driver-api/early-userspace/buffer-format.rst). */

/** Enough to see whether the first archive is compressed. */
export const INITRD_HEAD_BYTES = 8192;
/** Before the compressed archive may come one with microcode, of about 15 MB. */
export const INITRD_BYTES_MAX = 16 * 1024 * 1024;

/** The first two bytes (lib/decompress.c): gzip twice, bzip2, LZMA, xz, LZO, LZ4 in its legacy form, Zstandard. */
const COMPRESSIONS = new Set(["1f8b", "1f9e", "425a", "5d00", "fd37", "894c", "0221", "28b5"]);
/** The magic of cpio without and with checksums. Linux does not unpack older forms. */
const CPIO = /^07070[12]$/;
/** The magic is followed by thirteen numbers of eight hexadecimal digits. */
const HEADER = { bytes: 110, size: 54, nameSize: 94, digits: 8 } as const;
const ALIGNMENT_BYTES = 4;
/** A header with the longest name that Linux accepts (PATH_MAX). */
const MEMBER_BYTES_MAX = HEADER.bytes + 4096;
const LAST = "TRAILER!!!";
const NO_INITRAMFS = "is no cpio archive that Linux unpacks, nor compressed as Linux knows it";
const INIT = /^(?:\.?\/)?init$/;

export type InitrdFacts =
  /** The end of a sentence about the initrd: "is no …". */
  | { readonly invalid: string }
  /** Whether a file /init is in it. "compressed": the names are compressed and were not read. "unread": more bytes are needed. */
  | { readonly hasInit: boolean | "compressed" | "unread" };

/** Reads the names in the archives, up to the first compressed one. `bytes` is the start of a file of `sizeBytes`. */
export function readInitrd(bytes: Uint8Array, sizeBytes: number): InitrdFacts {
  let offset = skipZeros(bytes, 0);
  if (offset === sizeBytes) return { invalid: "is empty" };
  const isCut = bytes.byteLength < sizeBytes;
  while (offset < bytes.byteLength) {
    if (isCompressed(bytes, offset)) return { hasInit: "compressed" };
    if (isCut && offset + MEMBER_BYTES_MAX > bytes.byteLength) break;
    const member = readMember(bytes, offset);
    if (member === undefined && offset === 0) return { invalid: NO_INITRAMFS };
    // Linux ignores what follows an archive and is not one.
    if (member === undefined) return { hasInit: false };
    if (INIT.test(member.name)) return { hasInit: true };
    offset = member.name === LAST ? skipZeros(bytes, member.end) : member.end;
  }
  return { hasInit: isCut ? "unread" : false };
}

interface Member {
  readonly name: string;
  /** Offset of the next member. */
  readonly end: number;
}

function readMember(bytes: Uint8Array, offset: number): Member | undefined {
  const text = (start: number, size: number): string =>
    Buffer.from(bytes.subarray(offset + start, offset + start + size)).toString("latin1");
  const number = (start: number): number => Number.parseInt(text(start, HEADER.digits), 16);
  if (!CPIO.test(text(0, 6))) return undefined;
  const [size, nameSize] = [number(HEADER.size), number(HEADER.nameSize)];
  if (Number.isNaN(size) || Number.isNaN(nameSize)) return undefined;
  const data = aligned(offset + HEADER.bytes + nameSize);
  return { name: text(HEADER.bytes, nameSize - 1), end: aligned(data + size) };
}

function isCompressed(bytes: Uint8Array, offset: number): boolean {
  return COMPRESSIONS.has(Buffer.from(bytes.subarray(offset, offset + 2)).toString("hex"));
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function skipZeros(bytes: Uint8Array, offset: number): number {
  const found = bytes.subarray(offset).findIndex((byte) => byte !== 0);
  return found === -1 ? bytes.byteLength : offset + found;
}
