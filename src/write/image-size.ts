/** The size of an image file that lies beside others in one file system. */
import type { Fit } from "../ext4/format.ts";
import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import type { Content } from "./content.ts";

/** Free space in the new system, for what user stages and administrators add to it. */
const FREE_BYTES_MIN = 16 * MiB;
/** And this share of what the content is likely to take. */
const FREE_SHARE = 1 / 32;
/** Stays free beside the image file: for the environment files of the boot loader, tandem's state, and what the file system needs. */
const RESERVE_BYTES = 32 * MiB;
/** Bitmaps, inode tables and directories take about 1/64 of a file system. */
const STRUCTURE_SHARE = 1 / 32;
/** The smallest file system has this and more. */
const SMALLEST_BYTES = 16 * MiB;

export interface Room {
  /** The name for messages of the file system that gets the image file. */
  readonly where: string;
  readonly freeBytes: number;
  /** The size that the operator has asked for, or 0. */
  readonly minimumBytes: number;
}

/**
 * How large the image file is made at first. Nobody knows how much layers unpack to before they are read, so this is
 * what is likely at most, or all that is free. The file system is then made as small as imageFit() allows, and the file
 * ends with it. Throws "no-space" when not even the least that the content needs is free.
 */
export function imageFileBytes(
  content: Pick<Content, "name" | "needBytes" | "needs" | "likelyBytes">,
  { where, freeBytes, minimumBytes }: Room,
): number {
  const leastBytes = withStructure(content.needBytes);
  const needBytes = Math.max(minimumBytes, leastBytes) + RESERVE_BYTES;
  if (freeBytes < needBytes) {
    const what = minimumBytes > leastBytes ? "the size that is configured" : content.needs;
    throw new TandemError(
      "no-space",
      `Cannot write ${content.name} to ${where}: needs at least ${needBytes} bytes (${what}, and more), has ${freeBytes}`,
      { hint: `Remove what else lies there. ${RESERVE_BYTES / MiB} MiB of it must stay free.` },
    );
  }
  const wantBytes = Math.max(
    minimumBytes,
    withStructure(content.likelyBytes) + freeBytesFor(content),
  );
  return Math.floor(Math.min(wantBytes, freeBytes - RESERVE_BYTES) / MiB) * MiB;
}

/** How small the file system of an image file is made. */
export function imageFit(content: Pick<Content, "likelyBytes">, minimumBytes: number): Fit {
  return { freeBytes: freeBytesFor(content), minimumBytes };
}

function freeBytesFor({ likelyBytes }: Pick<Content, "likelyBytes">): number {
  return FREE_BYTES_MIN + Math.ceil(likelyBytes * FREE_SHARE);
}

function withStructure(dataBytes: number): number {
  return SMALLEST_BYTES + Math.ceil(dataBytes * (1 + STRUCTURE_SHARE));
}
