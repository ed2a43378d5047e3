import { TandemError } from "../lib/error.ts";
import { BLOCK_BYTES } from "./block.ts";
import { crc32c, crc32cOfWord } from "./checksum.ts";
import type { DirectoryContent, DirectoryEntry } from "./directory.ts";
import {
  dotEntries,
  encodeLeaf,
  ENTRIES_BYTES,
  ENTRY,
  putEntry,
  recordBytesOf,
} from "./directory.ts";
import type { Field } from "./field.ts";
import { put, u16, u32, u8, viewOf } from "./field.ts";
import { nameHash } from "./name-hash.ts";

/** struct dx_root, dx_node, dx_entry, dx_tail: https://docs.kernel.org/filesystems/ext4/directory.html (hash tree directories) */
const ROOT = { dotDotAt: 12, hash: u8(28), infoBytes: u8(29), levels: u8(30) } as const;
const ROOT_INFO_BYTES = 8;
const HASH_HALF_MD4 = 1;
/** The first slot has no hash: it holds for all names before the second one, and keeps limit and count there. */
const SLOTS = { limit: u16(0), count: u16(2), hash: u32(0), block: u32(4) } as const;
const SLOT_BYTES = 8;
const ROOT_SLOTS_AT = 32;
const NODE_SLOTS_AT = 8;
const CHECKSUM_AT = BLOCK_BYTES - 4;

/** One slot less than there is room for: the tail with the checksum. */
const ROOT_SLOTS_MAX = (BLOCK_BYTES - ROOT_SLOTS_AT) / SLOT_BYTES - 1;
const NODE_SLOTS_MAX = (BLOCK_BYTES - NODE_SLOTS_AT) / SLOT_BYTES - 1;

interface Hashed {
  readonly hash: number;
  readonly entry: DirectoryEntry;
}

/** The names from `hash` on. The lowest bit says that the block before has names of the same hash. */
interface Leaf {
  readonly hash: number;
  readonly entries: readonly DirectoryEntry[];
}

interface Slot {
  readonly hash: number;
  readonly block: number;
}

export interface Seeds {
  /** The directory inode's checksum seed. */
  readonly checksum: number;
  /** The file system's 16 bytes for nameHash(). */
  readonly hash: Uint8Array;
}

/** The blocks of an indexed directory: the root of the index, its inner nodes if it takes any, then the names sorted by hash. */
export function encodeIndexed(content: DirectoryContent, seeds: Seeds): Uint8Array[] {
  const leaves = packLeaves(sortByHash(content.entries, seeds.hash));
  const flat = leaves.length <= ROOT_SLOTS_MAX;
  const nodeCount = flat ? 0 : Math.ceil(leaves.length / NODE_SLOTS_MAX);
  if (nodeCount > ROOT_SLOTS_MAX) throw tooLarge(content);
  const leafSlots = leaves.map(({ hash }, index) => ({ hash, block: 1 + nodeCount + index }));
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    leafSlots.slice(index * NODE_SLOTS_MAX, (index + 1) * NODE_SLOTS_MAX),
  );
  const nodeSlots = nodes.map(([first], index) => ({ hash: first?.hash ?? 0, block: 1 + index }));
  return [
    encodeRoot(content, flat ? leafSlots : nodeSlots, {
      levels: flat ? 0 : 1,
      seed: seeds.checksum,
    }),
    ...nodes.map((slots) => encodeNode(slots, seeds.checksum)),
    ...leaves.map(({ entries }) => encodeLeaf(entries, seeds.checksum)),
  ];
}

function tooLarge(content: DirectoryContent): TandemError {
  return new TandemError(
    "no-space",
    `Cannot index a directory of ${content.entries.length} entries: two levels are not enough`,
  );
}

function sortByHash(entries: readonly DirectoryEntry[], seed: Uint8Array): Hashed[] {
  return entries
    .map((entry) => ({ hash: nameHash(entry.name, seed), entry }))
    .toSorted((one, other) => one.hash - other.hash);
}

/** Fills block after block. */
function packLeaves(hashed: readonly Hashed[]): Leaf[] {
  const leaves: Leaf[] = [];
  let entries: DirectoryEntry[] = [];
  let bytes = ENTRIES_BYTES;
  let before = -1;
  for (const { hash, entry } of hashed) {
    bytes += recordBytesOf(entry.name);
    if (bytes > ENTRIES_BYTES) {
      entries = [];
      bytes = recordBytesOf(entry.name);
      leaves.push({ hash: hash === before ? hash + 1 : hash, entries });
    }
    entries.push(entry);
    before = hash;
  }
  return leaves;
}

/** Looks like a linear block whose ".." reaches to the end. */
function encodeRoot(
  content: DirectoryContent,
  slots: readonly Slot[],
  { levels, seed }: { readonly levels: number; readonly seed: number },
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const view = viewOf(block);
  const [dot, dotDot] = dotEntries(content);
  putEntry(block, dot, ROOT.dotDotAt);
  putEntry(block.subarray(ROOT.dotDotAt), dotDot, BLOCK_BYTES - ROOT.dotDotAt);
  put(view, ROOT.hash, HASH_HALF_MD4);
  put(view, ROOT.infoBytes, ROOT_INFO_BYTES);
  put(view, ROOT.levels, levels);
  putSlots(block, slots, { at: ROOT_SLOTS_AT, limit: ROOT_SLOTS_MAX, seed });
  return block;
}

/** Looks like a linear block with one empty entry. */
function encodeNode(slots: readonly Slot[], seed: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  put(viewOf(block), ENTRY.recordBytes, BLOCK_BYTES);
  putSlots(block, slots, { at: NODE_SLOTS_AT, limit: NODE_SLOTS_MAX, seed });
  return block;
}

function putSlots(
  block: Uint8Array,
  slots: readonly Slot[],
  { at, limit, seed }: { readonly at: number; readonly limit: number; readonly seed: number },
): void {
  const end = at + slots.length * SLOT_BYTES;
  const putAt = (offset: number, field: Field, value: number): void =>
    put(viewOf(block.subarray(offset)), field, value);
  for (const [index, slot] of slots.entries()) {
    putAt(at + index * SLOT_BYTES, SLOTS.hash, slot.hash);
    putAt(at + index * SLOT_BYTES, SLOTS.block, slot.block);
  }
  putAt(at, SLOTS.limit, limit);
  putAt(at, SLOTS.count, slots.length);
  // The tail is a reserved word and the checksum, which counts as zero in itself.
  const used = crc32c(seed, block.subarray(0, end));
  putAt(CHECKSUM_AT, u32(0), crc32cOfWord(crc32cOfWord(used, 0), 0));
}
