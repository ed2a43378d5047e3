import { assert } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import { MiB } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import type { FatGeometry } from "./geometry.ts";
import { checkName, shortNameFor, SLOT_BYTES } from "./name.ts";
import {
  DELETED,
  encodeSlots,
  END_OF_SLOTS,
  parseSlots,
  type FatEntry,
  type NewFolderEntry,
} from "./folder-entries.ts";
import { type FatTable, offsetOfCluster } from "./table.ts";
import { writeAllThrough, writeThrough } from "../disk/write-through.ts";

/** An open FAT file system. */
export interface FatVolume {
  readonly file: BlockFile;
  readonly geometry: FatGeometry;
  readonly table: FatTable;
}

/** A directory of FAT has at most 65536 slots of 32 bytes. */
const FOLDER_BYTES_MAX = 2 * MiB;

/**
 * One directory. Each change takes effect with the write of a single sector, so a power cut cannot leave half of it.
 */
export class FatFolder {
  /** "/" or "/loader/entries". */
  readonly path: string;
  /** 0 for the root. */
  readonly cluster: number;
  readonly #volume: FatVolume;
  /** The directory's clusters. Empty for the root of a FAT16, which cannot grow. */
  readonly #chain: number[];
  /** The offsets of the directory's sectors, in order. */
  #sectorOffsets: number[];
  #bytes: Uint8Array;

  constructor(volume: FatVolume, path: string, entry?: FatEntry) {
    this.path = path;
    this.#volume = volume;
    this.cluster = entry?.cluster ?? 0;
    const { root } = volume.geometry;
    const start = this.cluster === 0 && "cluster" in root ? root.cluster : this.cluster;
    this.#chain = start === 0 ? [] : volume.table.chainFrom(start, path);
    this.#sectorOffsets = this.#findSectors();
    const { sectorBytes } = volume.geometry;
    this.#bytes = Buffer.concat(
      this.#sectorOffsets.map((at) => readBlock(volume.file, at, sectorBytes)),
    );
  }

  /** The clusters of the directory itself. */
  get chain(): readonly number[] {
    return this.#chain;
  }

  get entries(): FatEntry[] {
    return parseSlots(this.#bytes, this.#volume.geometry.bits);
  }

  /** Finds an entry. FAT ignores the case of names. */
  find(name: string): FatEntry | undefined {
    const wanted = name.toLowerCase();
    return this.entries.find((entry) => entry.name.toLowerCase() === wanted);
  }

  /** Prepares free slots for `name`, so that the next add() writes a single sector. Throws "no-space". */
  async makeRoom(name: string): Promise<void> {
    checkName(name);
    await this.#cleanTail();
    const slots = this.#encode({ name, isFolder: false, cluster: 0, sizeBytes: 0 });
    let first = this.#findRoom(slots.byteLength / SLOT_BYTES);
    if (first === undefined) {
      await this.#grow();
      first = this.#findRoom(slots.byteLength / SLOT_BYTES);
    }
    assert(first !== undefined, "a folder that has grown has room");
    // Readers stop at the first slot that was never used, so mark the skipped slots as deleted.
    const end = this.#endOfSlots();
    for (let slot = end; slot < first; slot += 1) this.#bytes[slot * SLOT_BYTES] = DELETED;
    if (end < first) await this.#saveSlots(end, first - end);
  }

  /** Adds a file or folder with a single write. Call makeRoom() before. */
  async add(entry: Omit<NewFolderEntry, "short">): Promise<void> {
    const slots = this.#encode(entry);
    const count = slots.byteLength / SLOT_BYTES;
    const first = this.#findRoom(count);
    assert(first !== undefined && first <= this.#endOfSlots(), "there is room");
    this.#bytes.set(slots, first * SLOT_BYTES);
    await this.#saveSlots(first, count);
  }

  /** Removes an entry. Its main slot is erased first: without it the slots of its long name have no effect. */
  async erase({ slots: { first, count } }: FatEntry): Promise<void> {
    const own = first + count - 1;
    for (let slot = first; slot <= own; slot += 1) this.#bytes[slot * SLOT_BYTES] = DELETED;
    await this.#saveSlots(own, 1);
    if (this.#sectorOf(first) !== this.#sectorOf(own)) await this.#saveSlots(first, count);
  }

  #encode(entry: Omit<NewFolderEntry, "short">): Uint8Array {
    const taken = new Set(this.entries.map(({ short }) => short));
    return encodeSlots({ ...entry, short: shortNameFor(entry.name, taken) });
  }

  #findSectors(): number[] {
    const { geometry } = this.#volume;
    const { root, clusterBytes, sectorBytes } = geometry;
    const pieces =
      this.#chain.length === 0 && "offsetBytes" in root
        ? [root]
        : this.#chain.map((cluster) => ({
            offsetBytes: offsetOfCluster(geometry, cluster),
            sizeBytes: clusterBytes,
          }));
    const sizeBytes = pieces.reduce((sum, piece) => sum + piece.sizeBytes, 0);
    if (sizeBytes > FOLDER_BYTES_MAX)
      throw this.#failed("disk", `it has ${sizeBytes} bytes, more than FAT allows`);
    return pieces.flatMap((piece) =>
      Array.from(
        { length: piece.sizeBytes / sectorBytes },
        (_, index) => piece.offsetBytes + index * sectorBytes,
      ),
    );
  }

  #endOfSlots(): number {
    const total = this.#bytes.byteLength / SLOT_BYTES;
    for (let slot = 0; slot < total; slot += 1)
      if (this.#bytes[slot * SLOT_BYTES] === END_OF_SLOTS) return slot;
    return total;
  }

  /**
   * Fills the slots behind the end with zeros, because they may hold anything and the end is about to move. No program
   * reads them, so a power cut does no harm.
   */
  async #cleanTail(): Promise<void> {
    const end = this.#endOfSlots();
    const tail = this.#bytes.subarray(end * SLOT_BYTES);
    if (tail.every((byte) => byte === 0)) return;
    tail.fill(0);
    await this.#saveSlots(end, tail.byteLength / SLOT_BYTES);
  }

  /** Returns the first of `count` consecutive free slots in one sector. Undefined when there are none. */
  #findRoom(count: number): number | undefined {
    const perSector = this.#volume.geometry.sectorBytes / SLOT_BYTES;
    const total = this.#bytes.byteLength / SLOT_BYTES;
    let free = 0;
    for (let slot = 0; slot < total; slot += 1) {
      if (slot % perSector === 0) free = 0;
      const mark = this.#bytes[slot * SLOT_BYTES];
      free = mark === DELETED || mark === END_OF_SLOTS ? free + 1 : 0;
      if (free === count) return slot + 1 - count;
    }
    return undefined;
  }

  /** Adds a cluster. It is zeroed and marked as used before it is linked, so a power cut at most loses this cluster. */
  async #grow(): Promise<void> {
    const { file, geometry, table } = this.#volume;
    const last = this.#chain.at(-1);
    const [cluster] = table.findFree(1) ?? [];
    if (last === undefined || cluster === undefined)
      throw this.#failed("no-space", "there is no room for another name");
    const zeros = new Uint8Array(geometry.clusterBytes);
    await writeThrough(file, offsetOfCluster(geometry, cluster), zeros);
    table.link([cluster]);
    await table.save();
    table.link([last, cluster]);
    await table.save();
    this.#chain.push(cluster);
    this.#sectorOffsets = this.#findSectors();
    this.#bytes = Buffer.concat([this.#bytes, zeros]);
  }

  #sectorOf(slot: number): number {
    return Math.floor((slot * SLOT_BYTES) / this.#volume.geometry.sectorBytes);
  }

  /** Writes the sectors that hold these slots. */
  async #saveSlots(first: number, count: number): Promise<void> {
    const { sectorBytes } = this.#volume.geometry;
    const [from, to] = [this.#sectorOf(first), this.#sectorOf(first + count - 1)];
    const pieces = this.#sectorOffsets.slice(from, to + 1).map((offsetBytes, index) => ({
      offsetBytes,
      bytes: this.#bytes.subarray((from + index) * sectorBytes, (from + index + 1) * sectorBytes),
    }));
    await writeAllThrough(this.#volume.file, pieces);
  }

  #failed(code: "disk" | "no-space", why: string): TandemError {
    return new TandemError(
      code,
      `Cannot use folder ${this.path} on ${this.#volume.file.name}: ${why}`,
    );
  }
}
