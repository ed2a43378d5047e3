import { type ByteString, byteString } from "../lib/byte-string.ts";
import { Fault } from "./fault.ts";

/** The offset and size of a field in a tar header. */
export interface HeaderField {
  readonly name: string;
  readonly at: number;
  readonly bytes: number;
}

const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/**
 * Reads octal text, or a big-endian two's complement number when the first bit is set; the second bit is its sign. It
 * multiplies, because bit shifts overflow at 2 GiB.
 */
export function readNumber(block: Uint8Array, start: number, field: HeaderField): number {
  const first = block[start + field.at] ?? 0;
  return first >= 0x80 ? readBinary(block, start, field) : readOctal(block, start, field);
}

/** Skips leading spaces and NULs. A NUL, or spaces and a NUL, end the number. An empty field is 0. */
export function readOctal(block: Uint8Array, start: number, field: HeaderField): number {
  const end = start + field.at + field.bytes;
  let at = start + field.at;
  while (at < end && (block[at] === SPACE || block[at] === 0)) at += 1;
  let value = 0;
  for (; at < end; at += 1) {
    const byte = block[at] ?? 0;
    if (byte < ZERO || byte > SEVEN) break;
    value = value * 8 + byte - ZERO;
  }
  while (at < end && block[at] === SPACE) at += 1;
  if (at < end && block[at] !== 0) throw new Fault(`its header has no number in ${field.name}`);
  return value;
}

function readBinary(block: Uint8Array, start: number, { name, at, bytes }: HeaderField): number {
  const first = block[start + at] ?? 0;
  const isNegative = (first & 0x40) !== 0;
  // Two's complement: a negative number is -1 minus its inverted bits.
  const flip = isNegative ? 0xff : 0;
  let value = (first ^ flip) & 0x3f;
  for (let index = start + at + 1; index < start + at + bytes; index += 1)
    value = value * 256 + ((block[index] ?? 0) ^ flip);
  if (!Number.isSafeInteger(value)) throw new Fault(`its header has too large a number in ${name}`);
  return isNegative ? -1 - value : value;
}

/** Returns the bytes of the field up to the first NUL. */
export function readTextField(block: Buffer, start: number, field: HeaderField): ByteString {
  const end = start + field.at + field.bytes;
  let at = start + field.at;
  while (at < end && block[at] !== 0) at += 1;
  return byteStringIn(block, start + field.at, at);
}

/**
 * Returns the bytes of `buffer` from `start` up to, not including, `end`. Unlike `byteString` it allocates no subarray.
 */
export function byteStringIn(buffer: Buffer, start: number, end: number): ByteString {
  if (start === end) return EMPTY;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Latin-1 has one character for each byte.
  return buffer.toString("latin1", start, end) as ByteString;
}

export const EMPTY = byteString(new Uint8Array(0));

/** Reads decimal digits with an optional minus sign. `what` names the number in the message. */
export function readDecimal(text: string, what: string): number {
  const value = /^-?\d{1,19}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw new Fault(`${what} "${text.slice(0, 40)}" is no number it can have`);
  return value;
}
