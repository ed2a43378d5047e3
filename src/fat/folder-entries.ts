import { viewOf } from "../lib/view.ts";
import {
  isFirstOfLongName,
  isShortName,
  LONG_NAME_ATTRIBUTES,
  longNameSlots,
  parseLongName,
  parseShortName,
  SLOT_BYTES,
} from "./name.ts";

/** A file or folder in a directory. */
export interface FatEntry {
  readonly name: string;
  /** The eleven characters of the short name. */
  readonly short: string;
  readonly isFolder: boolean;
  /** The first cluster of the content. 0 for an empty file. */
  readonly cluster: number;
  readonly sizeBytes: number;
  /** The slots of the directory that the entry uses. The last one is its main slot, the others hold the long name. */
  readonly slots: { readonly first: number; readonly count: number };
}

/** The content of a new entry. */
export interface NewFolderEntry {
  readonly name: string;
  readonly short: string;
  readonly isFolder: boolean;
  readonly cluster: number;
  readonly sizeBytes: number;
}

const SLOT = {
  attributes: 11,
  caseBits: 12,
  createdDate: 16,
  accessedDate: 18,
  clusterHigh: 20,
  writtenDate: 24,
  clusterLow: 26,
  sizeBytes: 28,
} as const;
const ATTRIBUTE = { label: 0x08, folder: 0x10, archive: 0x20 } as const;
export const END_OF_SLOTS = 0;
export const DELETED = 0xe5;
/** Replaces a first character 0xe5, which would mean "deleted". */
const ESCAPED_E5 = 0x05;
/** 1 January 1980, the first day that FAT can store. tandem does not trust the clock and needs no dates. */
const DATE = 0x0021;

/** Parses a directory. Leaves out the volume label and the folders "." and "..". */
export function parseSlots(bytes: Uint8Array, bits: 16 | 32): FatEntry[] {
  const entries: FatEntry[] = [];
  let long: Uint8Array[] = [];
  for (let index = 0; index * SLOT_BYTES < bytes.byteLength; index += 1) {
    const slot = bytes.subarray(index * SLOT_BYTES, (index + 1) * SLOT_BYTES);
    if (slot[0] === END_OF_SLOTS) break;
    if (slot[0] === DELETED) long = [];
    else if (slot[SLOT.attributes] === LONG_NAME_ATTRIBUTES) {
      // Slots of a long name before this one belong to no file: a power cut has left them.
      if (isFirstOfLongName(slot)) long = [];
      long.push(slot);
    } else {
      const entry = parseSlot(slot, { index, long, bits });
      if (entry !== undefined) entries.push(entry);
      long = [];
    }
  }
  return entries;
}

/** The context of a slot: its index, the slots of a long name before it, and the kind of FAT. */
interface SlotContext {
  readonly index: number;
  readonly long: readonly Uint8Array[];
  readonly bits: 16 | 32;
}

function parseSlot(slot: Uint8Array, { index, long, bits }: SlotContext): FatEntry | undefined {
  const view = viewOf(slot);
  const attributes = view.getUint8(SLOT.attributes);
  const bytes = Buffer.from(slot.subarray(0, SLOT.attributes));
  if (has(attributes, ATTRIBUTE.label) || bytes[0] === ".".charCodeAt(0)) return undefined;
  if (bytes[0] === ESCAPED_E5) bytes[0] = DELETED;
  const short = bytes.toString("latin1");
  const longName = parseLongName(long, short);
  const count = longName === undefined ? 1 : long.length + 1;
  const high = bits === 32 ? view.getUint16(SLOT.clusterHigh, true) : 0;
  return {
    name: longName ?? parseShortName(short, view.getUint8(SLOT.caseBits)),
    short,
    isFolder: has(attributes, ATTRIBUTE.folder),
    cluster: high * 2 ** 16 + view.getUint16(SLOT.clusterLow, true),
    sizeBytes: view.getUint32(SLOT.sizeBytes, true),
    slots: { first: index + 1 - count, count },
  };
}

/** Returns all slots of a new entry. */
export function encodeSlots(entry: NewFolderEntry): Uint8Array {
  const { name, short } = entry;
  const long = isShortName(name) ? [] : longNameSlots(name, short);
  return Buffer.concat([...long, encodeSlot(entry)]);
}

/**
 * Returns "." and "..", the first two slots of every folder except the root. `parent` is 0 when the parent is the root.
 */
export function encodeDots(cluster: number, parent: number): Uint8Array {
  const dot = { name: ".", isFolder: true, sizeBytes: 0 };
  return Buffer.concat([
    encodeSlot({ ...dot, short: ".".padEnd(11), cluster }),
    encodeSlot({ ...dot, short: "..".padEnd(11), cluster: parent }),
  ]);
}

function encodeSlot({ short, isFolder, cluster, sizeBytes }: NewFolderEntry): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES);
  slot.set(Buffer.from(short, "latin1"));
  const view = new DataView(slot.buffer);
  view.setUint8(SLOT.attributes, isFolder ? ATTRIBUTE.folder : ATTRIBUTE.archive);
  for (const at of [SLOT.createdDate, SLOT.accessedDate, SLOT.writtenDate])
    view.setUint16(at, DATE, true);
  view.setUint16(SLOT.clusterHigh, Math.floor(cluster / 2 ** 16), true);
  view.setUint16(SLOT.clusterLow, cluster % 2 ** 16, true);
  view.setUint32(SLOT.sizeBytes, sizeBytes, true);
  return slot;
}

function has(attributes: number, bit: number): boolean {
  return Math.floor(attributes / bit) % 2 === 1;
}
