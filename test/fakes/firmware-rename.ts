/** Models how firmware renames a file on a FAT, slot by slot. Firmware guarantees nothing about a power cut. */
import { type FatGeometry, readGeometry } from "../../src/fat/geometry.ts";
import { shortNameFor, SLOT_BYTES } from "../../src/fat/name.ts";
import { encodeSlots, type FatEntry, parseSlots } from "../../src/fat/folder-entries.ts";
import { FatTable, offsetOfCluster } from "../../src/fat/table.ts";
import { type BlockFile, readBlock } from "../../src/system/block-file.ts";

/** One way to rename. */
export interface Manner {
  /** Which name is changed first. EDK II removes the old name before it adds the new one. */
  readonly order: "old goes first" | "new comes first";
  /** The slots of the new name. "over": it overwrites the slots of the old name. */
  readonly place: "first gap" | "end" | "over";
  /** The order in which the slots of a name are written. */
  readonly slots: "long name first" | "own slot first";
  /** When the firmware flushes. */
  readonly flush: "each slot" | "each name" | "at the end";
}

export function everyManner(): Manner[] {
  return (["old goes first", "new comes first"] as const).flatMap((order) =>
    (["first gap", "end", "over"] as const)
      .filter((place) => place !== "over" || order === "old goes first")
      .flatMap((place) =>
        (["long name first", "own slot first"] as const).flatMap((slots) =>
          (["each slot", "each name", "at the end"] as const).map((flush) => ({
            order,
            place,
            slots,
            flush,
          })),
        ),
      ),
  );
}

/** Renames a file in a folder such as "/loader/entries". Throws when the old name does not exist. */
export async function renameAsFirmware(
  disk: BlockFile,
  names: { readonly folder: string; readonly from: string; readonly to: string },
  manner: Manner,
): Promise<void> {
  const folder = new Folder(disk, names.folder, manner);
  const old = folder.find(names.from);
  await folder.markUnclean();
  if (manner.order === "old goes first" && !folder.isOver(old, names.to)) await folder.erase(old);
  await folder.add({ ...old, name: names.to }, old);
  if (manner.order === "new comes first") await folder.erase(old);
  await disk.flush();
}

const DELETED = 0xe5;
/** The last cluster of a chain. */
const END_16 = 0xffff;
/** Entry 1 of the table. Its highest bit means that the file system was closed properly. */
const UNCLEAN_16 = Uint8Array.of(0xff, 0x7f);

const NAMELESS = { short: "".padEnd(11), isFolder: false, cluster: 0, sizeBytes: 0 } as const;

class Folder {
  readonly #disk: BlockFile;
  readonly #geometry: FatGeometry;
  readonly #manner: Manner;
  #chain: number[];
  #bytes: Uint8Array;

  constructor(disk: BlockFile, path: string, manner: Manner) {
    this.#disk = disk;
    this.#manner = manner;
    this.#geometry = readGeometry(disk);
    if (this.#geometry.bits !== 16) throw new Error("this firmware knows FAT16 only");
    this.#chain = this.#findChain(path);
    this.#bytes = this.#read();
  }

  find(name: string): FatEntry {
    const found = parseSlots(this.#bytes, this.#geometry.bits).find((entry) => entry.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Whether the new name takes the slots of the old one. */
  isOver({ slots }: FatEntry, to: string): boolean {
    return (
      this.#manner.place === "over" &&
      slots.count === encodeSlots({ ...NAMELESS, name: to }).byteLength / SLOT_BYTES
    );
  }

  /** Writes to both copies of the table, one after the other. */
  async markUnclean(): Promise<void> {
    for (const at of this.#geometry.tableOffsets) this.#disk.write(at + 2, UNCLEAN_16);
    if (this.#manner.flush !== "at the end") await this.#disk.flush();
  }

  async erase({ slots: { first, count } }: FatEntry): Promise<void> {
    const marked = Array.from({ length: count }, (_, index) => first + index);
    await this.#writeSlots(marked, (slot) => {
      const bytes = this.#slot(slot).slice();
      bytes[0] = DELETED;
      return bytes;
    });
  }

  async add(entry: FatEntry, old: FatEntry): Promise<void> {
    const taken = parseSlots(this.#bytes, this.#geometry.bits).map(({ short }) => short);
    const others = taken.filter((short) => this.#manner.place !== "over" || short !== old.short);
    const encoded = encodeSlots({ ...entry, short: shortNameFor(entry.name, new Set(others)) });
    const count = encoded.byteLength / SLOT_BYTES;
    const first = await this.#placeFor(count, old);
    const slots = Array.from({ length: count }, (_, index) => first + index);
    await this.#writeSlots(slots, (slot) =>
      encoded.subarray((slot - first) * SLOT_BYTES, (slot - first + 1) * SLOT_BYTES),
    );
  }

  async #placeFor(count: number, old: FatEntry): Promise<number> {
    const { place } = this.#manner;
    if (place === "over" && old.slots.count === count) return old.slots.first;
    const end = this.#end();
    const gap = place === "end" ? undefined : this.#firstGap(count, end);
    if (gap !== undefined) return gap;
    while (end + count >= this.#bytes.byteLength / SLOT_BYTES) await this.#grow();
    return end;
  }

  #firstGap(count: number, end: number): number | undefined {
    for (let first = 0; first + count <= end; first += 1) {
      const slots = Array.from({ length: count }, (_, index) => this.#slot(first + index));
      if (slots.every(([mark]) => mark === DELETED)) return first;
    }
    return undefined;
  }

  #end(): number {
    const total = this.#bytes.byteLength / SLOT_BYTES;
    for (let slot = 0; slot < total; slot += 1) if (this.#slot(slot)[0] === 0) return slot;
    return total;
  }

  /** Adds a cluster: clears it, links it in one copy of the table, then in the other. */
  async #grow(): Promise<void> {
    const { clusterBytes, tableOffsets } = this.#geometry;
    const table = new FatTable(this.#disk, this.#geometry);
    const [cluster = 0] = table.findFree(1) ?? [];
    const last = this.#chain.at(-1) ?? 0;
    this.#disk.write(offsetOfCluster(this.#geometry, cluster), new Uint8Array(clusterBytes));
    if (this.#manner.flush === "each slot") await this.#disk.flush();
    for (const at of tableOffsets) {
      for (const { offsetBytes, bytes } of this.#linked(at, [last, cluster]))
        this.#disk.write(offsetBytes, bytes);
      if (this.#manner.flush === "each slot") await this.#disk.flush();
    }
    this.#chain = [...this.#chain, cluster];
    this.#bytes = this.#read();
  }

  /** Returns the sectors of one copy of the table that change when `cluster` is linked to the last one. */
  #linked(
    at: number,
    [last, cluster]: readonly [number, number],
  ): { offsetBytes: number; bytes: Uint8Array }[] {
    const { sectorBytes } = this.#geometry;
    const sectors = new Map<number, Uint8Array>();
    for (const [from, to] of [
      [cluster, END_16],
      [last, cluster],
    ] as const) {
      const sector = Math.floor((from * 2) / sectorBytes) * sectorBytes;
      const bytes = sectors.get(sector) ?? readBlock(this.#disk, at + sector, sectorBytes);
      bytes.set(new Uint8Array(Uint16Array.of(to).buffer), from * 2 - sector);
      sectors.set(sector, bytes);
    }
    return [...sectors].map(([sector, bytes]) => ({ offsetBytes: at + sector, bytes }));
  }

  /** Writes the sector of each slot, one after another. */
  async #writeSlots(
    slots: readonly number[],
    bytesOf: (slot: number) => Uint8Array,
  ): Promise<void> {
    const { sectorBytes } = this.#geometry;
    const ordered = this.#manner.slots === "own slot first" ? slots.toReversed() : slots;
    for (const slot of ordered) {
      this.#slot(slot).set(bytesOf(slot));
      const sector = Math.floor((slot * SLOT_BYTES) / sectorBytes) * sectorBytes;
      this.#disk.write(this.#offsetOf(sector), this.#bytes.slice(sector, sector + sectorBytes));
      if (this.#manner.flush === "each slot") await this.#disk.flush();
    }
    if (this.#manner.flush === "each name") await this.#disk.flush();
  }

  #slot(slot: number): Uint8Array {
    return this.#bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES);
  }

  #offsetOf(byte: number): number {
    const { clusterBytes } = this.#geometry;
    const cluster = this.#chain[Math.floor(byte / clusterBytes)] ?? 0;
    return offsetOfCluster(this.#geometry, cluster) + (byte % clusterBytes);
  }

  #read(): Uint8Array {
    const { clusterBytes } = this.#geometry;
    return Buffer.concat(
      this.#chain.map((one) =>
        readBlock(this.#disk, offsetOfCluster(this.#geometry, one), clusterBytes),
      ),
    );
  }

  /** Follows the path from the root. The root of a FAT16 does not lie in clusters. */
  #findChain(path: string): number[] {
    const { root, bits, clusterBytes } = this.#geometry;
    const table = new FatTable(this.#disk, this.#geometry);
    let chain = "cluster" in root ? table.chainFrom(root.cluster, "/") : undefined;
    let bytes: Uint8Array =
      "offsetBytes" in root
        ? readBlock(this.#disk, root.offsetBytes, root.sizeBytes)
        : new Uint8Array();
    for (const name of path.split("/").slice(1)) {
      if (chain !== undefined)
        bytes = Buffer.concat(
          chain.map((one) =>
            readBlock(this.#disk, offsetOfCluster(this.#geometry, one), clusterBytes),
          ),
        );
      const entry = parseSlots(bytes, bits).find((one) => one.name === name);
      if (entry === undefined) throw new Error(`there is no ${path}`);
      chain = table.chainFrom(entry.cluster, path);
    }
    return chain ?? [];
  }
}
