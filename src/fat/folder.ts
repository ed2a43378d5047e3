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
  type NewEntry,
} from "./folder-entries.ts";
import { type FatTable, placeOfCluster } from "./table.ts";
import { writeAllThrough, writeThrough } from "../disk/write-through.ts";

/** A FAT file system that is open. */
export interface FatVolume {
  readonly file: BlockFile;
  readonly geometry: FatGeometry;
  readonly table: FatTable;
}

/** FAT gives a directory 65536 slots at most. */
const FOLDER_BYTES_MAX = 2 * MiB;

/** One directory. Every change of it that matters is the write of one sector. */
export class FatFolder {
  /** "/" or "/loader/entries". */
  readonly path: string;
  /** 0 for the root. */
  readonly cluster: number;
  readonly #volume: FatVolume;
  /** Its clusters; none for the root of a FAT16, which cannot grow. */
  readonly #chain: number[];
  /** Where its sectors lie, in their order. */
  #places: number[];
  #bytes: Uint8Array;

  constructor(volume: FatVolume, path: string, entry?: FatEntry) {
    this.path = path;
    this.#volume = volume;
    this.cluster = entry?.cluster ?? 0;
    const { root } = volume.geometry;
    const start = this.cluster === 0 && "cluster" in root ? root.cluster : this.cluster;
    this.#chain = start === 0 ? [] : volume.table.chainFrom(start, path);
    this.#places = this.#findPlaces();
    const { sectorBytes } = volume.geometry;
    this.#bytes = Buffer.concat(this.#places.map((at) => readBlock(volume.file, at, sectorBytes)));
  }

  /** The clusters that it takes itself. */
  get chain(): readonly number[] {
    return this.#chain;
  }

  get entries(): FatEntry[] {
    return parseSlots(this.#bytes, this.#volume.geometry.bits);
  }

  /** FAT does not tell upper from lower case. */
  find(name: string): FatEntry | undefined {
    const wanted = name.toLowerCase();
    return this.entries.find((entry) => entry.name.toLowerCase() === wanted);
  }

  /** After it the next add() changes nothing but one sector. Throws `no-space`. */
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
    // Readers stop at the first slot that was never used: what is skipped must look used.
    const end = this.#endOfSlots();
    for (let slot = end; slot < first; slot += 1) this.#bytes[slot * SLOT_BYTES] = DELETED;
    if (end < first) await this.#saveSlots(end, first - end);
  }

  /** Lists a new file or folder, in one write. Call makeRoom() before. */
  async add(entry: Omit<NewEntry, "short">): Promise<void> {
    const slots = this.#encode(entry);
    const count = slots.byteLength / SLOT_BYTES;
    const first = this.#findRoom(count);
    assert(first !== undefined && first <= this.#endOfSlots(), "there is room");
    this.#bytes.set(slots, first * SLOT_BYTES);
    await this.#saveSlots(first, count);
  }

  /** Takes an entry off the list. Its own slot goes first: without it those of its long name mean nothing. */
  async erase({ slots: { first, count } }: FatEntry): Promise<void> {
    const own = first + count - 1;
    for (let slot = first; slot <= own; slot += 1) this.#bytes[slot * SLOT_BYTES] = DELETED;
    await this.#saveSlots(own, 1);
    if (this.#sectorOf(first) !== this.#sectorOf(own)) await this.#saveSlots(first, count);
  }

  #encode(entry: Omit<NewEntry, "short">): Uint8Array {
    const taken = new Set(this.entries.map(({ short }) => short));
    return encodeSlots({ ...entry, short: shortNameFor(entry.name, taken) });
  }

  #findPlaces(): number[] {
    const { geometry } = this.#volume;
    const { root, clusterBytes, sectorBytes } = geometry;
    const pieces =
      this.#chain.length === 0 && "offsetBytes" in root
        ? [root]
        : this.#chain.map((cluster) => ({
            offsetBytes: placeOfCluster(geometry, cluster),
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

  /** What lies behind the end may be anything. It must be zeros before the end moves on. Nobody reads it, so a cut does no harm. */
  async #cleanTail(): Promise<void> {
    const end = this.#endOfSlots();
    const tail = this.#bytes.subarray(end * SLOT_BYTES);
    if (tail.every((byte) => byte === 0)) return;
    tail.fill(0);
    await this.#saveSlots(end, tail.byteLength / SLOT_BYTES);
  }

  /** The first of so many free slots in one sector. */
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

  /** One cluster more. Zeroed and marked as taken before it is linked: a cut loses a cluster, no more. */
  async #grow(): Promise<void> {
    const { file, geometry, table } = this.#volume;
    const last = this.#chain.at(-1);
    const [cluster] = table.findFree(1) ?? [];
    if (last === undefined || cluster === undefined)
      throw this.#failed("no-space", "there is no room for another name");
    const zeros = new Uint8Array(geometry.clusterBytes);
    await writeThrough(file, placeOfCluster(geometry, cluster), zeros);
    table.link([cluster]);
    await table.save();
    table.link([last, cluster]);
    await table.save();
    this.#chain.push(cluster);
    this.#places = this.#findPlaces();
    this.#bytes = Buffer.concat([this.#bytes, zeros]);
  }

  #sectorOf(slot: number): number {
    return Math.floor((slot * SLOT_BYTES) / this.#volume.geometry.sectorBytes);
  }

  /** Writes the sectors that hold these slots. */
  async #saveSlots(first: number, count: number): Promise<void> {
    const { sectorBytes } = this.#volume.geometry;
    const [from, to] = [this.#sectorOf(first), this.#sectorOf(first + count - 1)];
    const pieces = this.#places.slice(from, to + 1).map((offsetBytes, index) => ({
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
