import type { ByteString } from "../lib/byte-string.ts";
import { Fault } from "./fault.ts";
import { EMPTY, type HeaderField, readNumber, readOctal, readTextField } from "./field.ts";

export const TAR_BLOCK_BYTES = 512;

/**
 * The format of the header. "v7" has no magic. "ustar" includes PAX. "star" has a shorter prefix. "gnu" has other
 * fields in the place of the prefix.
 */
export type Dialect = "v7" | "ustar" | "star" | "gnu";

/** The fields of one header block. Extended headers before it may override them. */
export interface Header {
  readonly dialect: Dialect;
  /** One character. NUL is a regular file in v7. */
  readonly type: string;
  readonly name: ByteString;
  readonly linkName: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly major: number;
  readonly minor: number;
}

/**
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format"; tar.h of GNU tar.
 */
const NAME = { name: "name", at: 0, bytes: 100 };
const MODE = { name: "mode", at: 100, bytes: 8 };
const UID = { name: "uid", at: 108, bytes: 8 };
const GID = { name: "gid", at: 116, bytes: 8 };
const SIZE = { name: "size", at: 124, bytes: 12 };
const MTIME = { name: "mtime", at: 136, bytes: 12 };
const CHECKSUM = { name: "checksum", at: 148, bytes: 8 };
const TYPE = { name: "type", at: 156, bytes: 1 };
const LINK_NAME = { name: "link name", at: 157, bytes: 100 };
const MAGIC = { name: "magic", at: 257, bytes: 8 };
const MAJOR = { name: "device major", at: 329, bytes: 8 };
const MINOR = { name: "device minor", at: 337, bytes: 8 };
const PREFIX = { name: "prefix", at: 345, bytes: 155 };
const STAR_PREFIX = { name: "prefix", at: 345, bytes: 131 };
const STAR_TRAILER = { name: "trailer", at: 508, bytes: 4 };
const GNU_TIMES = [
  { name: "atime", at: 345, bytes: 12 },
  { name: "ctime", at: 357, bytes: 12 },
];

/**
 * Returns "end" when all bytes are zero. Throws a Fault when the checksum is wrong: the reader does not search for a
 * next header, because an attacker could forge one inside a file's data.
 */
export function checkBlock(block: Uint8Array, start: number): "header" | "end" {
  const sum = sumOf(block, start, start + TAR_BLOCK_BYTES);
  if (sum === 0) return "end";
  const field = start + CHECKSUM.at;
  const spaces = CHECKSUM.bytes * 0x20;
  const unsigned = sum - sumOf(block, field, field + CHECKSUM.bytes) + spaces;
  const stored = readOctal(block, start, CHECKSUM);
  if (stored !== unsigned && stored !== unsigned - 256 * countHighBytes(block, start))
    throw new Fault("the checksum of a header is wrong");
  return "header";
}

function sumOf(block: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += 1) sum += block[at] ?? 0;
  return sum;
}

/** Old programs summed signed bytes: there each byte from 0x80 on counts 256 less. */
function countHighBytes(block: Uint8Array, start: number): number {
  let count = 0;
  for (let at = start; at < start + TAR_BLOCK_BYTES; at += 1) {
    const isChecksum = at >= start + CHECKSUM.at && at < start + CHECKSUM.at + CHECKSUM.bytes;
    if (!isChecksum && (block[at] ?? 0) >= 0x80) count += 1;
  }
  return count;
}

export function parseHeader(block: Buffer, start: number): Header {
  const dialect = dialectOf(block, start);
  const hasDevice = dialect !== "v7";
  return {
    dialect,
    type: String.fromCharCode(block[start + TYPE.at] ?? 0),
    name: readName(block, start, dialect),
    linkName: readTextField(block, start, LINK_NAME),
    mode: readNumber(block, start, MODE),
    uid: readNumber(block, start, UID),
    gid: readNumber(block, start, GID),
    sizeBytes: readNumber(block, start, SIZE),
    mtimeSeconds: readNumber(block, start, MTIME),
    major: hasDevice ? readNumber(block, start, MAJOR) : 0,
    minor: hasDevice ? readNumber(block, start, MINOR) : 0,
  };
}

function dialectOf(block: Buffer, start: number): Dialect {
  const magic = block.toString("latin1", start + MAGIC.at, start + MAGIC.at + MAGIC.bytes);
  if (magic === "ustar  \0") return "gnu";
  if (!magic.startsWith("ustar\0")) return "v7";
  return readTextField(block, start, STAR_TRAILER) === "tar" ? "star" : "ustar";
}

function readName(block: Buffer, start: number, dialect: Dialect): ByteString {
  const name = readTextField(block, start, NAME);
  const prefix = readPrefix(block, start, dialect);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Joined ByteStrings are one.
  return prefix === "" ? name : (`${prefix}/${name}` as ByteString);
}

function readPrefix(block: Buffer, start: number, dialect: Dialect): ByteString {
  switch (dialect) {
    case "v7":
      return EMPTY;
    case "ustar":
      return readTextField(block, start, PREFIX);
    case "star":
      return readTextField(block, start, STAR_PREFIX);
    case "gnu":
      return readMistakenPrefix(block, start);
  }
}

/**
 * A GNU header has times in the place of the prefix. Docker up to 1.13 (Go before 1.8) wrote a prefix there: text that
 * is ASCII and not a number is taken as a prefix.
 */
function readMistakenPrefix(block: Buffer, start: number): ByteString {
  if (GNU_TIMES.every((field) => block[start + field.at] === 0 || isNumber(block, start, field)))
    return EMPTY;
  const prefix = readTextField(block, start, PREFIX);
  // oxlint-disable-next-line no-control-regex -- ASCII has control characters.
  return /^[\0-\x7f]*$/.test(prefix) ? prefix : EMPTY;
}

function isNumber(block: Uint8Array, start: number, field: HeaderField): boolean {
  try {
    readNumber(block, start, field);
    return true;
  } catch {
    return false;
  }
}
