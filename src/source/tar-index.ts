import { TAR_BLOCK_BYTES } from "../tar/header.ts";
import { TandemError } from "../lib/error.ts";
import { alignUp, MiB } from "../lib/units.ts";
import type { RandomFile } from "../system/files.ts";

/** Where the data of a regular file lies in an archive. */
export interface TarSpan {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const EXTENSION_BYTES_MAX = MiB;
const MEMBERS_MAX = 1_000_000;
/** PAX headers for the next member and for all, GNU long name and long link: their data describes another member. */
const EXTENSIONS = new Set(["x", "g", "L", "K"]);
const REGULAR = new Set(["\0", "0", "7"]);
/** Links, devices, directories and FIFOs: no data follows, whatever their size field says. */
const WITHOUT_DATA = new Set(["1", "2", "3", "4", "5", "6"]);

/**
 * Lists the regular files of an uncompressed tar, by clean name ("./a" is "a"). A later member replaces an earlier one of
 * the same name. Reads headers only. Throws "content" when it is no tar or is cut off. `what` names it in messages.
 */
export function indexTar(file: RandomFile, what: string): ReadonlyMap<string, TarSpan> {
  refuseCompressed(file, what);
  const spans = new Map<string, TarSpan>();
  const extension: Extension = {};
  let at = 0;
  for (let count = 0; at + TAR_BLOCK_BYTES <= file.sizeBytes; count += 1) {
    const block = readAt(file, at, TAR_BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) return spans;
    const header = parseHeader(block, `${what} at byte ${at}`);
    const sizeBytes = dataBytes(header, extension);
    const offsetBytes = at + TAR_BLOCK_BYTES;
    if (!(offsetBytes + sizeBytes <= file.sizeBytes) || count >= MEMBERS_MAX)
      throw refused(what, `it is cut off, or longer than any image: byte ${at}`);
    at = offsetBytes + alignUp(sizeBytes, TAR_BLOCK_BYTES);
    if (EXTENSIONS.has(header.type)) {
      const read = (): Uint8Array => readExtension(file, { offsetBytes, sizeBytes }, what);
      applyExtension(extension, header.type, read);
      continue;
    }
    const name = cleanName(extension.path ?? header.name);
    if (name !== undefined && REGULAR.has(header.type)) spans.set(name, { offsetBytes, sizeBytes });
    else if (name !== undefined) spans.delete(name);
    extension.path = undefined;
    extension.sizeBytes = undefined;
  }
  if (at === 0) throw refused(what, "it is too short for a tar archive");
  return spans;
}

interface MemberHeader {
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
}

/** The path and size of the next member, by a PAX or GNU header. */
interface Extension {
  path?: string | undefined;
  sizeBytes?: number | undefined;
}

function refuseCompressed(file: RandomFile, what: string): void {
  if (file.sizeBytes < 4) return;
  const magic = readAt(file, 0, 4).toHex();
  const [kind] = [/^1f8b/, /^28b52ffd/].flatMap((pattern, index) =>
    pattern.test(magic) ? [["gzip", "zstd"][index]] : [],
  );
  if (kind !== undefined) throw refused(what, `it is compressed with ${kind}; unpack it first`);
}

function parseHeader(block: Uint8Array, what: string): MemberHeader {
  const stored = parseNumber(block.subarray(148, 156));
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  const sizeBytes = parseNumber(block.subarray(124, 136));
  if (stored !== sum || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw refused(what, "it is not a tar header");
  const name = text(block.subarray(0, 100));
  const isUstar = text(block.subarray(257, 263)) === "ustar";
  const prefix = isUstar ? text(block.subarray(345, 500)) : "";
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    sizeBytes,
  };
}

function dataBytes({ type, sizeBytes }: MemberHeader, extension: Extension): number {
  if (WITHOUT_DATA.has(type)) return 0;
  return EXTENSIONS.has(type) ? sizeBytes : (extension.sizeBytes ?? sizeBytes);
}

function applyExtension(extension: Extension, type: string, read: () => Uint8Array): void {
  if (type === "L") extension.path = text(read());
  if (type !== "x") return;
  for (const [key, value] of paxRecords(read())) {
    if (key === "path") extension.path = value;
    if (key === "size") extension.sizeBytes = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  }
}

/** Parses "17 path=some/name\n". The length is in bytes and includes itself. */
function* paxRecords(bytes: Uint8Array): Generator<readonly [string, string]> {
  let rest = bytes;
  for (;;) {
    const space = rest.indexOf(0x20);
    const length = Number(text(rest.subarray(0, Math.max(space, 0))));
    if (space <= 0 || !Number.isInteger(length) || length <= space) return;
    const record = new TextDecoder().decode(rest.subarray(space + 1, length - 1));
    const equals = record.indexOf("=");
    if (equals > 0) yield [record.slice(0, equals), record.slice(equals + 1)];
    rest = rest.subarray(length);
  }
}

function readExtension(file: RandomFile, span: TarSpan, what: string): Uint8Array {
  if (span.sizeBytes > EXTENSION_BYTES_MAX)
    throw refused(what, `an extended header has ${span.sizeBytes} bytes`);
  return readAt(file, span.offsetBytes, span.sizeBytes);
}

/** Undefined for a name that leads out of the archive. */
function cleanName(name: string): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts.join("/");
}

/** Reads octal text, or base-256 when the top bit is set. NaN for others. It multiplies, because shifts wrap at 2 GiB. */
function parseNumber(field: Uint8Array): number {
  const [first = 0, ...rest] = field;
  if (first === 0x80) return rest.reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = text(field).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
}

function readAt(file: RandomFile, offsetBytes: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  file.readInto(offsetBytes, bytes);
  return bytes;
}

function refused(what: string, why: string): TandemError {
  return new TandemError("content", `Cannot read ${what}: ${why}`);
}
