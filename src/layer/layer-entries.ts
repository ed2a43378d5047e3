import { defined } from "../lib/assert.ts";
import type { ByteString } from "../lib/byte-string.ts";
import type { Entry, Extent, Time, Xattr } from "../tar/entry.ts";
import { byteStringIn } from "../tar/field.ts";
import {
  AT,
  EXTENT_BYTES,
  KINDS,
  LENGTH_BYTES,
  KIND_FIELD,
  KIND_FIELDS_BYTES,
  type PackedEntries,
} from "./packed-form.ts";
import { type Marker, markerOf } from "./whiteout.ts";

const NO_XATTRS: readonly Xattr[] = [];

interface PackedPiece {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/**
 * An entry in packed form, whose getters decode the fields on each access. It takes a third of the memory of an object
 * with all fields, and there may be millions of entries. Only the fields of its kind are valid.
 */
export class PackedEntry {
  readonly kind: Entry["kind"];
  /** See `Attributes.inode`. */
  inode = 0;
  readonly #piece: PackedPiece;
  readonly #at: number;
  #extents: readonly Extent[] | undefined;

  constructor(piece: PackedPiece, at: number) {
    this.#piece = piece;
    this.#at = at;
    this.kind = defined(KINDS[piece.view.getUint8(at + AT.kind)], "kind of an entry");
  }

  /** See refersToLower(). */
  get refersToLower(): boolean {
    return this.#piece.view.getUint8(this.#at + AT.refersToLower) === 1;
  }

  /** Undefined when the entry is no marker. */
  get marker(): Marker | undefined {
    return this.refersToLower ? markerOf(this.path) : undefined;
  }

  get path(): ByteString {
    const start = this.#pathAt();
    return byteStringIn(this.#piece.bytes, start, start + this.#u32(AT.pathBytes));
  }

  /** The path of the entry's directory. */
  get parent(): ByteString {
    const start = this.#pathAt();
    const bytes = this.#u32(AT.pathBytes) - this.#u32(AT.nameBytes) - 1;
    return byteStringIn(this.#piece.bytes, start, start + Math.max(bytes, 0));
  }

  /** The last name of the path, decoded on its own: a substring would keep the whole path in memory. */
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
    return this.#piece.view.getFloat64(this.#at + AT.kindFields + KIND_FIELD.sizeBytes, true);
  }

  get extents(): readonly Extent[] {
    if (this.#extents !== undefined) return this.#extents;
    const { view } = this.#piece;
    const extents: Extent[] = [];
    const start = this.#restAt();
    const end = start + this.#u32(AT.kindFields + KIND_FIELD.extents) * EXTENT_BYTES;
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
    return byteStringIn(
      this.#piece.bytes,
      start,
      start + this.#u32(AT.kindFields + KIND_FIELD.targetBytes),
    );
  }

  get major(): number {
    return this.#u32(AT.kindFields + KIND_FIELD.major);
  }

  get minor(): number {
    return this.#u32(AT.kindFields + KIND_FIELD.minor);
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
    return this.#at + AT.kindFields + KIND_FIELDS_BYTES[this.kind];
  }

  /** The offset of the fields after the path. */
  #restAt(): number {
    return this.#pathAt() + this.#u32(AT.pathBytes);
  }

  #xattrsAt(): number {
    const at = this.#restAt();
    if (this.kind === "file")
      return at + this.#u32(AT.kindFields + KIND_FIELD.extents) * EXTENT_BYTES;
    const hasTarget = this.kind === "symlink" || this.kind === "hardlink";
    return hasTarget ? at + this.#u32(AT.kindFields + KIND_FIELD.targetBytes) : at;
  }

  #u32(at: number): number {
    return this.#piece.view.getUint32(this.#at + at, true);
  }
}

/** All entries of a layer in their order. Each iteration makes new PackedEntry objects. */
export class LayerEntries implements Iterable<PackedEntry> {
  readonly #pieces: readonly PackedPiece[];

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

  /** Iterates over the entries for which refersToLower() is true. */
  *referringToLower(): Generator<PackedEntry> {
    for (const piece of this.#pieces) {
      for (let at = 0; at < piece.bytes.length; at += piece.view.getUint32(at + AT.bytes, true)) {
        if (piece.view.getUint8(at + AT.refersToLower) === 1) yield new PackedEntry(piece, at);
      }
    }
  }
}
