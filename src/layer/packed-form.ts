import type { Entry } from "../tar/entry.ts";

/** Entries as bytes, in pieces of whole entries: plain memory, which goes to another thread without being copied. */
export type PackedEntries = readonly Uint8Array<ArrayBuffer>[];

/** The place of a kind is its code. */
export const KINDS = [
  "file",
  "directory",
  "symlink",
  "hardlink",
  "character",
  "block",
  "fifo",
] as const;

/**
 * Where the fields of an entry lie, in bytes from its start. Numbers are little-endian and have 32 bits, but for kind and looksBelow
 * (8), mode (16), and the seconds and sizes (64, a float). Behind them come what only its kind has, the path, and then the target or
 * the extents (three numbers each), and the xattrs (name and value, each with its length before it).
 */
export const AT = {
  bytes: 0,
  kind: 4,
  looksBelow: 5,
  mode: 6,
  uid: 8,
  gid: 12,
  seconds: 16,
  nanoseconds: 24,
  pathBytes: 28,
  nameBytes: 32,
  xattrs: 36,
  own: 40,
} as const;
/** What only a kind has: a size and how many extents, the length of a target, or a device number. */
export const OWN = { sizeBytes: 0, extents: 8, targetBytes: 0, major: 0, minor: 4 } as const;
export const OWN_BYTES: Readonly<Record<Entry["kind"], number>> = {
  file: 12,
  directory: 0,
  symlink: 4,
  hardlink: 4,
  character: 8,
  block: 8,
  fifo: 0,
};
export const LENGTH_BYTES = 4;
export const EXTENT_BYTES = 12;
