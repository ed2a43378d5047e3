import type { Entry } from "../tar/entry.ts";

/** Encoded entries, in pieces of whole entries. Plain memory can be transferred to another thread without a copy. */
export type PackedEntries = readonly Uint8Array<ArrayBuffer>[];

/** The index of a kind in this list is its code. */
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
 * The offsets of an encoded entry's fields. Numbers are little-endian. They have 32 bits, except kind and refersToLower
 * (8), mode (16), and seconds and sizes (64, a float). After the fixed fields follow: the fields of the entry's kind
 * (see KIND_FIELD), the path, then the target or the extents (three numbers each), then the xattrs (name and value,
 * each after its length).
 */
export const AT = {
  bytes: 0,
  kind: 4,
  refersToLower: 5,
  mode: 6,
  uid: 8,
  gid: 12,
  seconds: 16,
  nanoseconds: 24,
  pathBytes: 28,
  nameBytes: 32,
  xattrs: 36,
  kindFields: 40,
} as const;
/** The offsets of fields that only some kinds have: size and number of extents, length of the target, device number. */
export const KIND_FIELD = { sizeBytes: 0, extents: 8, targetBytes: 0, major: 0, minor: 4 } as const;
export const KIND_FIELDS_BYTES: Readonly<Record<Entry["kind"], number>> = {
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
