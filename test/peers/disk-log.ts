/** The writes and flushes of a disk in a file, in order. */
import { viewOf } from "../../src/lib/view.ts";

export type Logged =
  | { readonly kind: "write"; readonly offsetBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: "flush" };

/** Offset, then size; a flush has no bytes. */
const HEADER_BYTES = 16;

export function encodeLogged(one: Logged): Uint8Array {
  const data = one.kind === "write" ? one.bytes : new Uint8Array(0);
  const bytes = new Uint8Array(HEADER_BYTES + data.byteLength);
  const view = viewOf(bytes);
  if (one.kind === "write") view.setFloat64(0, one.offsetBytes, true);
  view.setFloat64(8, data.byteLength, true);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

export function decodeLog(bytes: Uint8Array): readonly Logged[] {
  const found: Logged[] = [];
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.byteLength;) {
    const [offsetBytes, sizeBytes] = [view.getFloat64(at, true), view.getFloat64(at + 8, true)];
    at += HEADER_BYTES;
    const data = bytes.subarray(at, at + sizeBytes);
    found.push(sizeBytes === 0 ? { kind: "flush" } : { kind: "write", offsetBytes, bytes: data });
    at += sizeBytes;
  }
  return found;
}
