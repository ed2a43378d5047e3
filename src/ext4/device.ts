import { viewOf } from "../lib/view.ts";

/** Device numbers of Linux: 12 bits and 20 bits. */
const MAJORS = 2 ** 12;
const MINORS = 2 ** 20;

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/**
 * Encodes a device number for an inode: the old 16-bit form if it fits, otherwise the new form after it. Undefined when
 * the number is too large.
 */
export function encodeDevice({ major, minor }: DeviceNumber): Uint8Array | undefined {
  if (major >= MAJORS || minor >= MINORS) return undefined;
  const bytes = new Uint8Array(8);
  const view = viewOf(bytes);
  if (major < 256 && minor < 256) view.setUint32(0, major * 256 + minor, true);
  else view.setUint32(4, (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12), true);
  return bytes;
}
