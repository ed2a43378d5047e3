import type { ByteString } from "../lib/byte-string.ts";
import { KiB } from "../lib/units.ts";
import type { Entry, Extent } from "../tar/entry.ts";
import {
  AT,
  EXTENT_BYTES,
  KINDS,
  LENGTH_BYTES,
  KIND_FIELD,
  KIND_FIELDS_BYTES,
  type PackedEntries,
} from "./packed-form.ts";
import { refersToLower } from "./whiteout.ts";

const PIECE_BYTES = 256 * KiB;

/**
 * Encodes entries as bytes, to send them to another thread. As objects they would be cloned property by property, and
 * would take more memory there.
 */
export class EntryPacker {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #memory = new ArrayBuffer(0);
  #bytes = Buffer.from(this.#memory);
  #view = new DataView(this.#memory);
  #at = 0;
  readonly #refersToLower: (entry: Entry) => boolean;

  /** `refers`: whether an entry may refer to the layers below. A tree has none below it. */
  constructor(refers: (entry: Entry) => boolean = refersToLower) {
    this.#refersToLower = refers;
  }

  add(entry: Entry): void {
    const { path, mtime, xattrs } = entry;
    const start = this.#makeRoom(bytesMaxOf(entry));
    const view = this.#view;
    view.setUint8(start + AT.kind, KINDS.indexOf(entry.kind));
    view.setUint8(start + AT.refersToLower, Number(this.#refersToLower(entry)));
    view.setUint16(start + AT.mode, entry.mode, true);
    view.setUint32(start + AT.uid, entry.uid, true);
    view.setUint32(start + AT.gid, entry.gid, true);
    view.setFloat64(start + AT.seconds, mtime.seconds, true);
    view.setUint32(start + AT.nanoseconds, mtime.nanoseconds, true);
    view.setUint32(start + AT.pathBytes, path.length, true);
    view.setUint32(start + AT.nameBytes, path.length - 1 - path.lastIndexOf("/"), true);
    view.setUint32(start + AT.xattrs, xattrs.length, true);
    this.#putKindFields(entry, start + AT.kindFields);
    this.#at = start + AT.kindFields + KIND_FIELDS_BYTES[entry.kind];
    this.#text(path);
    if (entry.kind === "symlink" || entry.kind === "hardlink") this.#text(entry.target);
    if (entry.kind === "file") this.#extents(entry.extents);
    for (const { name, value } of xattrs) {
      this.#number(name.length);
      this.#text(name);
      this.#number(value.length);
      this.#text(value);
    }
    view.setUint32(start + AT.bytes, this.#at - start, true);
  }

  /** Returns all added entries. Do not call add() afterwards. */
  finish(): PackedEntries {
    this.#endPiece();
    return this.#pieces;
  }

  #putKindFields(entry: Entry, at: number): void {
    const view = this.#view;
    switch (entry.kind) {
      case "file":
        view.setFloat64(at + KIND_FIELD.sizeBytes, entry.sizeBytes, true);
        view.setUint32(at + KIND_FIELD.extents, entry.extents.length, true);
        break;
      case "symlink":
      case "hardlink":
        view.setUint32(at + KIND_FIELD.targetBytes, entry.target.length, true);
        break;
      case "character":
      case "block":
        view.setUint32(at + KIND_FIELD.major, entry.major, true);
        view.setUint32(at + KIND_FIELD.minor, entry.minor, true);
        break;
      case "directory":
      case "fifo":
        break;
    }
  }

  #extents(extents: readonly Extent[]): void {
    for (const { logicalBlock, physicalBlock, blocks } of extents) {
      this.#number(logicalBlock);
      this.#number(physicalBlock);
      this.#number(blocks);
    }
  }

  /** Appends a number of 32 bits. */
  #number(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #text(text: ByteString): void {
    this.#bytes.write(text, this.#at, "latin1");
    this.#at += text.length;
  }

  /** Makes space for an entry of at most `bytes` bytes. Returns its offset. */
  #makeRoom(bytes: number): number {
    if (this.#at + bytes <= this.#memory.byteLength) return this.#at;
    this.#endPiece();
    this.#memory = new ArrayBuffer(Math.max(bytes, PIECE_BYTES));
    this.#bytes = Buffer.from(this.#memory);
    this.#view = new DataView(this.#memory);
    this.#at = 0;
    return 0;
  }

  #endPiece(): void {
    if (this.#at > 0) this.#pieces.push(new Uint8Array(this.#memory, 0, this.#at));
  }
}

function bytesMaxOf(entry: Entry): number {
  let bytes = AT.kindFields + KIND_FIELDS_BYTES[entry.kind] + entry.path.length;
  for (const { name, value } of entry.xattrs)
    bytes += 2 * LENGTH_BYTES + name.length + value.length;
  if (entry.kind === "file") return bytes + entry.extents.length * EXTENT_BYTES;
  return "target" in entry ? bytes + entry.target.length : bytes;
}
