import { Fault } from "../tar/fault.ts";
import { checkBlock, type Header, parseHeader, TAR_BLOCK_BYTES } from "../tar/header.ts";
import { readPax } from "../tar/pax.ts";
import { type ByteString, byteString } from "../lib/byte-string.ts";
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
    const header = headerIn(block, `${what} at byte ${at}`);
    if (header === undefined) return spans;
    const sizeBytes = dataBytes(header, extension);
    const offsetBytes = at + TAR_BLOCK_BYTES;
    if (count >= MEMBERS_MAX) throw refused(what, `it has more than ${MEMBERS_MAX} members`);
    if (!(offsetBytes + sizeBytes <= file.sizeBytes))
      throw refused(what, `it is cut off at byte ${file.sizeBytes}, in the member at byte ${at}`);
    at = offsetBytes + alignUp(sizeBytes, TAR_BLOCK_BYTES);
    if (EXTENSIONS.has(header.type)) {
      const span = { offsetBytes, sizeBytes };
      const read = (): Buffer => readExtension(file, span, what);
      const flaw = `the extended header at byte ${offsetBytes} is malformed`;
      readable(what, flaw, () => applyExtension(extension, header.type, read));
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

/** The path and size of the next member, by a PAX or GNU header. */
interface Extension {
  path?: ByteString | undefined;
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

/** Undefined for a block of zeros, which ends the archive. */
function headerIn(block: Buffer, what: string): Header | undefined {
  const header = readable(what, "it is not a tar header", () =>
    checkBlock(block, 0) === "end" ? undefined : parseHeader(block, 0),
  );
  if (header !== undefined && header.sizeBytes < 0) throw refused(what, "it is not a tar header");
  return header;
}

/** Throws "content" with `flaw` where the bytes break the rules of tar. */
function readable<T>(what: string, flaw: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Fault) throw refused(what, flaw);
    throw error;
  }
}

function dataBytes({ type, sizeBytes }: Header, extension: Extension): number {
  if (WITHOUT_DATA.has(type)) return 0;
  return EXTENSIONS.has(type) ? sizeBytes : (extension.sizeBytes ?? sizeBytes);
}

function applyExtension(extension: Extension, type: string, read: () => Buffer): void {
  if (type === "L") extension.path = textOf(read());
  if (type !== "x") return;
  const body = read();
  readPax(body, body.byteLength, (key, value) => {
    if (key === "path") extension.path = value;
    if (key === "size") extension.sizeBytes = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  });
}

function readExtension(file: RandomFile, span: TarSpan, what: string): Buffer {
  if (span.sizeBytes > EXTENSION_BYTES_MAX)
    throw refused(what, `an extended header has ${span.sizeBytes} bytes`);
  return readAt(file, span.offsetBytes, span.sizeBytes);
}

/** Undefined for a name that leads out of the archive. */
function cleanName(name: string): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? undefined : parts.join("/");
}

function textOf(field: Buffer): ByteString {
  const end = field.indexOf(0);
  return byteString(end === -1 ? field : field.subarray(0, end));
}

function readAt(file: RandomFile, offsetBytes: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  file.readInto(offsetBytes, bytes);
  return bytes;
}

function refused(what: string, why: string): TandemError {
  return new TandemError("content", `Cannot read ${what}: ${why}`);
}
