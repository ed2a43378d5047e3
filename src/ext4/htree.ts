import { viewOf } from "../lib/view.ts";
import { assert, defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
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
import { put, u16, u32, u8 } from "./field.ts";
import { nameHash } from "./name-hash.ts";
import { type Checksums, HASH_HALF_MD4 } from "./superblock.ts";

/**
 * struct dx_root, dx_node, dx_entry, dx_tail: https://docs.kernel.org/filesystems/ext4/directory.html (hash tree
 * directories)
 */
const ROOT = { dotDotAt: 12, hash: u8(28), infoBytes: u8(29), levels: u8(30) } as const;
const ROOT_INFO_BYTES = 8;
/** The first slot has no hash, because it covers all names before the second slot. Limit and count are in its place. */
const SLOTS = { limit: u16(0), count: u16(2), hash: u32(0), block: u32(4) } as const;
const SLOT_BYTES = 8;
const ROOT_SLOTS_AT = 32;
const NODE_SLOTS_AT = 8;
const CHECKSUM_AT = BLOCK_BYTES - 4;

/** The tail with the checksum takes the place of the last slot. */
const ROOT_SLOTS_MAX = (BLOCK_BYTES - ROOT_SLOTS_AT) / SLOT_BYTES - 1;
const NODE_SLOTS_MAX = (BLOCK_BYTES - NODE_SLOTS_AT) / SLOT_BYTES - 1;

/**
 * More entries than an image may have. A hash is even: half of it (31 bits) and an index (22 bits) fit into the 53 bits
 * of a number.
 */
const INDEXES = 2 ** 22;

/**
 * A block with the names from `hash` on. The lowest bit of `hash` is set when the previous block has names with the
 * same hash.
 */
interface Leaf {
  readonly hash: number;
  readonly entries: readonly DirectoryEntry[];
}

interface IndexSlot {
  readonly hash: number;
  readonly block: number;
}

export interface Seeds {
  /** The directory inode's checksum seed. */
  readonly checksum: number;
  /** The file system's seed for nameHash(), 16 bytes. */
  readonly hash: Uint8Array;
  readonly checksums: Checksums;
}

/**
 * Encodes an indexed directory. Returns its blocks: the root of the index, inner nodes if needed, then the names sorted
 * by hash. Throws "no-space".
 */
export function encodeIndexed(content: DirectoryContent, seeds: Seeds): Uint8Array[] {
  const leaves = packLeaves(content.entries, sortedKeys(content.entries, seeds.hash));
  const flat = leaves.length <= ROOT_SLOTS_MAX;
  const nodeCount = flat ? 0 : Math.ceil(leaves.length / NODE_SLOTS_MAX);
  if (nodeCount > ROOT_SLOTS_MAX) throw tooLarge(content);
  const leafSlots = leaves.map(({ hash }, index) => ({ hash, block: 1 + nodeCount + index }));
  const nodes = Array.from({ length: nodeCount }, (_, index) =>
    leafSlots.slice(index * NODE_SLOTS_MAX, (index + 1) * NODE_SLOTS_MAX),
  );
  const nodeSlots = nodes.map(([first], index) => ({ hash: first?.hash ?? 0, block: 1 + index }));
  return [
    encodeRoot(content, flat ? leafSlots : nodeSlots, { levels: flat ? 0 : 1, seeds }),
    ...nodes.map((slots) => encodeNode(slots, seeds)),
    ...leaves.map(({ entries }) => encodeLeaf(entries, seeds.checksum)),
  ];
}

function tooLarge(content: DirectoryContent): TandemError {
  return new TandemError(
    "no-space",
    `Cannot index a directory of ${content.entries.length} entries: two levels are not enough`,
  );
}

/**
 * Returns a key for each entry, in ascending order: half the name's hash in the upper bits, the entry's index in the
 * lower bits.
 */
function sortedKeys(entries: readonly DirectoryEntry[], seed: Uint8Array): Float64Array {
  assert(entries.length <= INDEXES, "a directory has fewer entries than an image may have");
  const keys = new Float64Array(entries.length);
  for (const [index, { name }] of entries.entries())
    keys[index] = (nameHash(name, seed) / 2) * INDEXES + index;
  return keys.toSorted();
}

/** Distributes the sorted entries to blocks. */
function packLeaves(all: readonly DirectoryEntry[], keys: Float64Array): Leaf[] {
  const leaves: Leaf[] = [];
  let entries: DirectoryEntry[] = [];
  let bytes = ENTRIES_BYTES;
  let before = -1;
  for (const key of keys) {
    const hash = 2 * Math.floor(key / INDEXES);
    const entry = defined(all[key % INDEXES], "entry of a key");
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

/**
 * Encodes the root of the index. To programs that ignore the index it looks like a linear block whose ".." reaches to
 * the end.
 */
function encodeRoot(
  content: DirectoryContent,
  slots: readonly IndexSlot[],
  { levels, seeds }: { readonly levels: number; readonly seeds: Seeds },
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const view = viewOf(block);
  const [dot, dotDot] = dotEntries(content);
  const { dotDotAt } = ROOT;
  putEntry(view, dot, { at: 0, recordBytes: dotDotAt });
  putEntry(view, dotDot, { at: dotDotAt, recordBytes: BLOCK_BYTES - dotDotAt });
  put(view, ROOT.hash, HASH_HALF_MD4);
  put(view, ROOT.infoBytes, ROOT_INFO_BYTES);
  put(view, ROOT.levels, levels);
  putSlots(block, slots, { at: ROOT_SLOTS_AT, slotsMax: ROOT_SLOTS_MAX, seeds });
  return block;
}

/** Encodes an inner node. To programs that ignore the index it looks like a linear block with one empty entry. */
function encodeNode(slots: readonly IndexSlot[], seeds: Seeds): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  put(viewOf(block), ENTRY.recordBytes, BLOCK_BYTES);
  putSlots(block, slots, { at: NODE_SLOTS_AT, slotsMax: NODE_SLOTS_MAX, seeds });
  return block;
}

function putSlots(
  block: Uint8Array,
  slots: readonly IndexSlot[],
  {
    at,
    slotsMax,
    seeds,
  }: { readonly at: number; readonly slotsMax: number; readonly seeds: Seeds },
): void {
  const view = viewOf(block);
  let end = at;
  for (const slot of slots) {
    view.setUint32(end + SLOTS.hash.offset, slot.hash, true);
    view.setUint32(end + SLOTS.block.offset, slot.block, true);
    end += SLOT_BYTES;
  }
  // Without metadata checksums there is no tail, and the kernel expects room for one more slot. It stays unused.
  const limit = seeds.checksums === "metadata" ? slotsMax : slotsMax + 1;
  view.setUint16(at + SLOTS.limit.offset, limit, true);
  view.setUint16(at + SLOTS.count.offset, slots.length, true);
  // The tail is a reserved word and the checksum, which counts as zero while it is computed.
  const used = crc32c(seeds.checksum, block, 0, end);
  view.setUint32(CHECKSUM_AT, crc32cOfWord(crc32cOfWord(used, 0), 0), true);
}
