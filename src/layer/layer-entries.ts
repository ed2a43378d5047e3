import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import type { Entry, Extent, Time, Xattr } from "../tar/entry.ts";
import { byteStringIn } from "../tar/field.ts";
import {
  AT,
  EXTENT_BYTES,
  KINDS,
  LENGTH_BYTES,
  OWN,
  OWN_BYTES,
  type PackedEntries,
} from "./packed-form.ts";
import { type Marker, markerOf } from "./whiteout.ts";

const NO_XATTRS: readonly Xattr[] = [];

interface Piece {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/**
 * An entry that stays where it was packed, and reads its fields when it is asked for them: a third of the memory of an object that has
 * them all. There may be millions. It has the fields of its kind and no others.
 */
export class PackedEntry {
  readonly kind: Entry["kind"];
  /** See Attributes. */
  inode = 0;
  readonly #piece: Piece;
  readonly #at: number;
  #extents: readonly Extent[] | undefined;

  constructor(piece: Piece, at: number) {
    this.#piece = piece;
    this.#at = at;
    this.kind = defined(KINDS[piece.view.getUint8(at + AT.kind)], "kind of an entry");
  }

  /** See looksBelow() for entries. */
  get looksBelow(): boolean {
    return this.#piece.view.getUint8(this.#at + AT.looksBelow) === 1;
  }

  /** The marker that it is, if it is one. */
  get marker(): Marker | undefined {
    return this.looksBelow ? markerOf(this.path) : undefined;
  }

  get path(): ByteString {
    const start = this.#pathAt();
    return byteStringIn(this.#piece.bytes, start, start + this.#u32(AT.pathBytes));
  }

  /** The path of the directory that it is in. */
  get parent(): ByteString {
    const start = this.#pathAt();
    const bytes = this.#u32(AT.pathBytes) - this.#u32(AT.nameBytes) - 1;
    return byteStringIn(this.#piece.bytes, start, start + Math.max(bytes, 0));
  }

  /** Its name there, in memory of its own: that of a path would be kept whole for the sake of its end. */
  get name(): ByteString {
    const end = this.#pathAt() + this.#u32(AT.pathBytes);
    return byteStringIn(this.#piece.bytes, end - this.#u32(AT.nameBytes), end);
  }

  get mode(): number {
    return this.#piece.view.getUint16(this.#at + AT.mode, true);
  }

  get uid(): number {
    return this.#u32(AT.uid);
  }

  get gid(): number {
    return this.#u32(AT.gid);
  }

  get mtime(): Time {
    const seconds = this.#piece.view.getFloat64(this.#at + AT.seconds, true);
    return { seconds, nanoseconds: this.#u32(AT.nanoseconds) };
  }

  get sizeBytes(): number {
    return this.#piece.view.getFloat64(this.#at + AT.own + OWN.sizeBytes, true);
  }

  get extents(): readonly Extent[] {
    if (this.#extents !== undefined) return this.#extents;
    const { view } = this.#piece;
    const extents: Extent[] = [];
    const start = this.#restAt();
    const end = start + this.#u32(AT.own + OWN.extents) * EXTENT_BYTES;
    for (let at = start; at < end; at += EXTENT_BYTES)
      extents.push({
        logicalBlock: view.getUint32(at, true),
        physicalBlock: view.getUint32(at + 4, true),
        blocks: view.getUint32(at + 8, true),
      });
    return extents;
  }

  set extents(extents: readonly Extent[]) {
    this.#extents = extents;
  }

  get target(): ByteString {
    const start = this.#restAt();
    return byteStringIn(this.#piece.bytes, start, start + this.#u32(AT.own + OWN.targetBytes));
  }

  get major(): number {
    return this.#u32(AT.own + OWN.major);
  }

  get minor(): number {
    return this.#u32(AT.own + OWN.minor);
  }

  get xattrs(): readonly Xattr[] {
    const count = this.#u32(AT.xattrs);
    if (count === 0) return NO_XATTRS;
    let at = this.#xattrsAt();
    const text = (): ByteString => {
      const start = at + LENGTH_BYTES;
      at = start + this.#piece.view.getUint32(at, true);
      return byteStringIn(this.#piece.bytes, start, at);
    };
    return Array.from({ length: count }, () => ({ name: text(), value: text() }));
  }

  #pathAt(): number {
    return this.#at + AT.own + OWN_BYTES[this.kind];
  }

  /** Behind the path. */
  #restAt(): number {
    return this.#pathAt() + this.#u32(AT.pathBytes);
  }

  #xattrsAt(): number {
    const at = this.#restAt();
    if (this.kind === "file") return at + this.#u32(AT.own + OWN.extents) * EXTENT_BYTES;
    const hasTarget = this.kind === "symlink" || this.kind === "hardlink";
    return hasTarget ? at + this.#u32(AT.own + OWN.targetBytes) : at;
  }

  #u32(at: number): number {
    return this.#piece.view.getUint32(this.#at + at, true);
  }
}

/** All entries of a layer in their order, made anew each time they are gone through. */
export class LayerEntries implements Iterable<PackedEntry> {
  readonly #pieces: readonly Piece[];

  constructor(packed: PackedEntries) {
    this.#pieces = packed.map(({ buffer, byteOffset, byteLength }) => ({
      bytes: Buffer.from(buffer, byteOffset, byteLength),
      view: new DataView(buffer, byteOffset, byteLength),
    }));
  }

  *[Symbol.iterator](): Generator<PackedEntry> {
    for (const piece of this.#pieces) {
      for (let at = 0; at < piece.bytes.length; at += piece.view.getUint32(at + AT.bytes, true))
        yield new PackedEntry(piece, at);
    }
  }

  /** Those for which looksBelow() holds. */
  *lookingBelow(): Generator<PackedEntry> {
    for (const piece of this.#pieces) {
      for (let at = 0; at < piece.bytes.length; at += piece.view.getUint32(at + AT.bytes, true)) {
        if (piece.view.getUint8(at + AT.looksBelow) === 1) yield new PackedEntry(piece, at);
      }
    }
  }
}
