import type { ByteString } from "../lib/byte-string.ts";
import type { Time } from "./entry.ts";
import { Fault } from "./fault.ts";
import { byteStringIn } from "./field.ts";

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
/** "5 a=\n", the shortest record. */
const RECORD_BYTES_MIN = 5;
/** Enough digits for every length in an extended header, which has at most 1 MiB. */
const LENGTH_DIGITS_MAX = 10;
/** Programs in C use these values as strings, so a NUL in them is refused. */
const TEXT_KEYS: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "uname",
  "gname",
  "GNU.sparse.name",
]);

/**
 * Reads "length key=value\n" records from the first `bytes` bytes of `body`. Values are bytes and may contain NULs and
 * newlines.
 */
export function readPax(
  body: Buffer,
  bytes: number,
  take: (key: ByteString, value: ByteString) => void,
): void {
  let at = 0;
  while (at < bytes) {
    const { length, keyAt } = readLength(body, at, bytes);
    const end = at + length;
    const equals = body.indexOf(EQUALS, keyAt);
    if (body[end - 1] !== NEWLINE || equals <= keyAt || equals >= end)
      throw new Fault("its extended header has a record that is not length, key and value");
    const key = byteStringIn(body, keyAt, equals);
    const value = byteStringIn(body, equals + 1, end - 1);
    if (key.includes("\0") || (TEXT_KEYS.has(key) && value.includes("\0")))
      throw new Fault("its extended header has a NUL in a name");
    take(key, value);
    at = end;
  }
}

function readLength(body: Buffer, start: number, bytes: number): { length: number; keyAt: number } {
  let length = 0;
  for (let at = start; at < Math.min(bytes, start + LENGTH_DIGITS_MAX); at += 1) {
    const byte = body[at] ?? 0;
    if (byte === SPACE && length >= RECORD_BYTES_MIN && start + length <= bytes)
      return { length, keyAt: at + 1 };
    const digit = byte - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  throw new Fault("its extended header has a record with a wrong length");
}

/** Parses seconds with an optional fraction and keeps nine digits of it. "-5.25" is -6 s and 750,000,000 ns. */
export function parsePaxTime(text: string): Time {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null)
    throw new Fault(`its PAX time "${text.slice(0, 40)}" is no number of seconds`);
  const [, sign = "", whole = "", fraction = ""] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign === "") return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds };
  return { seconds: -1 - seconds, nanoseconds: 1_000_000_000 - nanoseconds };
}
