/** Image files in which only label, UUID and size matter. */
import { mkdirSync, writeFileSync } from "node:fs";
import { viewOf } from "../../../src/lib/view.ts";

const SIZE_BYTES = 4096;

/** The bytes of an image whose file system has this label, and a UUID that ends with the version. */
export function system(label: string, version: number): Uint8Array {
  const bytes = new Uint8Array(SIZE_BYTES);
  viewOf(bytes).setUint16(1024 + 0x38, 0xef53, true);
  bytes.set(Buffer.from(label), 1024 + 0x78);
  bytes[1024 + 0x68 + 15] = version;
  return bytes;
}

export const uuidOf = (version: number): string =>
  `00000000-0000-0000-0000-${`${version}`.padStart(12, "0")}`;

/** Writes files into the folder /cOS below `root`. */
export function fill(root: string, files: Readonly<Record<string, Uint8Array>>): void {
  mkdirSync(`${root}/cOS`, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(`${root}/cOS/${name}`, bytes);
}
