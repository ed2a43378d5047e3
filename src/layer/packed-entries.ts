import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { KiB } from "../lib/units.ts";
import type { Entry, Extent, LayerEntries, Time, Xattr } from "./entry.ts";
import { byteStringIn } from "./field.ts";
import { looksBelow } from "./whiteout.ts";

/** Entries as bytes, in pieces of whole entries: plain memory, which goes to another thread without being copied. */
export type PackedEntries = readonly Uint8Array<ArrayBuffer>[];

const PIECE_BYTES = 256 * KiB;

/** The place of a kind is its code. */
const KINDS = ["file", "directory", "symlink", "hardlink", "character", "block", "fifo"] as const;

/** What the numbers of an entry take at most, without its xattrs and extents: ten of 4 bytes, two of 8, three lengths. */
const NUMBERS_BYTES_MAX = 68;
const LENGTH_BYTES = 4;
const EXTENT_BYTES = 12;
const NO_XATTRS: readonly Xattr[] = [];

/**
 * Makes bytes of entries. As objects they would be cloned for another thread property by property, and take four times the memory
 * while they wait there for the layers below.
 */
export class EntryPacker {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #memory = new ArrayBuffer(0);
  #bytes = Buffer.from(this.#memory);
  #view = new DataView(this.#memory);
  #at = 0;

  add(entry: Entry): void {
    this.#makeRoom(bytesMaxOf(entry));
    const start = this.#at;
    this.#number(0); // Its length, when it is known.
    this.#number(Number(looksBelow(entry)));
    this.#number(KINDS.indexOf(entry.kind));
    this.#text(entry.path);
    this.#number(entry.mode);
    this.#number(entry.uid);
    this.#number(entry.gid);
    this.#wideNumber(entry.mtime.seconds);
    this.#number(entry.mtime.nanoseconds);
    this.#number(entry.xattrs.length);
    for (const { name, value } of entry.xattrs) {
      this.#text(name);
      this.#text(value);
    }
    this.#body(entry);
    this.#view.setUint32(start, this.#at - start, true);
  }

  /** All that was added. The packer takes no more. */
  finish(): PackedEntries {
    this.#endPiece();
    return this.#pieces;
  }

  #body(entry: Entry): void {
    switch (entry.kind) {
      case "file":
        this.#wideNumber(entry.sizeBytes);
        this.#extents(entry.extents);
        break;
      case "symlink":
      case "hardlink":
        this.#text(entry.target);
        break;
      case "character":
      case "block":
        this.#number(entry.major);
        this.#number(entry.minor);
        break;
      case "directory":
      case "fifo":
        break;
    }
  }

  #extents(extents: readonly Extent[]): void {
    this.#number(extents.length);
    for (const { logicalBlock, physicalBlock, blocks } of extents) {
      this.#number(logicalBlock);
      this.#number(physicalBlock);
      this.#number(blocks);
    }
  }

  /** Of 32 bits. */
  #number(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #wideNumber(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  #text(text: ByteString): void {
    this.#number(text.length);
    this.#bytes.write(text, this.#at, "latin1");
    this.#at += text.length;
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#memory.byteLength) return;
    this.#endPiece();
    this.#memory = new ArrayBuffer(Math.max(bytes, PIECE_BYTES));
    this.#bytes = Buffer.from(this.#memory);
    this.#view = new DataView(this.#memory);
    this.#at = 0;
  }

  #endPiece(): void {
    if (this.#at > 0) this.#pieces.push(new Uint8Array(this.#memory, 0, this.#at));
  }
}

function bytesMaxOf(entry: Entry): number {
  let bytes = NUMBERS_BYTES_MAX + entry.path.length;
  for (const { name, value } of entry.xattrs)
    bytes += 2 * LENGTH_BYTES + name.length + value.length;
  if (entry.kind === "file") return bytes + entry.extents.length * EXTENT_BYTES;
  return "target" in entry ? bytes + entry.target.length : bytes;
}

/** The entries again, in their order, made anew each time they are gone through. */
export function unpackEntries(packed: PackedEntries): LayerEntries {
  return {
    [Symbol.iterator]: () => entriesIn(packed, "all"),
    lookingBelow: { [Symbol.iterator]: () => entriesIn(packed, "looking below") },
  };
}

function* entriesIn(packed: PackedEntries, which: "all" | "looking below"): Generator<Entry> {
  for (const piece of packed) {
    const reader = new PieceReader(piece);
    while (reader.hasMore) {
      const entry = reader.next(which === "all");
      if (entry !== undefined) yield entry;
    }
  }
}

class PieceReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = 0;
  #lastTime: Time = { seconds: 0, nanoseconds: 0 };

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The next entry; undefined for one that is passed over because it does not look below. */
  next(takesAll: boolean): Entry | undefined {
    const start = this.#at;
    const bytes = this.#number();
    const isLooking = this.#number() === 1;
    if (takesAll || isLooking) return this.#entry();
    this.#at = start + bytes;
    return undefined;
  }

  /** Writes each kind out in full: what is spread into an object takes twice the memory, and there may be millions. */
  #entry(): Entry {
    const kind = defined(KINDS[this.#number()], "kind of an entry");
    const path = this.#text();
    const mode = this.#number();
    const uid = this.#number();
    const gid = this.#number();
    const mtime = this.#time();
    const xattrs = this.#xattrs();
    switch (kind) {
      case "file": {
        const sizeBytes = this.#wideNumber();
        return { kind, path, mode, uid, gid, mtime, xattrs, sizeBytes, extents: this.#extents() };
      }
      case "symlink":
      case "hardlink":
        return { kind, path, mode, uid, gid, mtime, xattrs, target: this.#text() };
      case "character":
      case "block": {
        const major = this.#number();
        return { kind, path, mode, uid, gid, mtime, xattrs, major, minor: this.#number() };
      }
      case "directory":
      case "fifo":
        return { kind, path, mode, uid, gid, mtime, xattrs };
    }
  }

  /** Neighbours in a layer often have the same time. Then they share it. */
  #time(): Time {
    const seconds = this.#wideNumber();
    const nanoseconds = this.#number();
    const last = this.#lastTime;
    if (last.seconds !== seconds || last.nanoseconds !== nanoseconds)
      this.#lastTime = { seconds, nanoseconds };
    return this.#lastTime;
  }

  #xattrs(): readonly Xattr[] {
    const count = this.#number();
    if (count === 0) return NO_XATTRS;
    return Array.from({ length: count }, () => ({ name: this.#text(), value: this.#text() }));
  }

  #extents(): readonly Extent[] {
    const count = this.#number();
    const extents: Extent[] = [];
    for (let index = 0; index < count; index += 1)
      extents.push({
        logicalBlock: this.#number(),
        physicalBlock: this.#number(),
        blocks: this.#number(),
      });
    return extents;
  }

  #text(): ByteString {
    const length = this.#number();
    const start = this.#at;
    this.#at += length;
    return byteStringIn(this.#bytes, start, this.#at);
  }

  #number(): number {
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  #wideNumber(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }
}
