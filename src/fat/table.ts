import { viewOf } from "../lib/view.ts";
import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import { alignUp } from "../lib/units.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import type { FatGeometry } from "./geometry.ts";
import { writeAllThrough } from "../disk/write-through.ts";

/** The values of a table entry that are not the number of the next cluster. */
const FREE = 0;
const MARKS = {
  16: { bad: 0xfff7, endMin: 0xfff8, end: 0xffff },
  32: { bad: 0xffffff7, endMin: 0xffffff8, end: 0xfffffff },
} as const;
/** The upper four bits of a FAT32 entry are reserved and must be preserved. */
const VALUES_32 = 2 ** 28;
const FIRST_CLUSTER = 2;

/** The whole file allocation table in memory. save() writes changes to the medium. */
export class FatTable {
  readonly #file: BlockFile;
  readonly #geometry: FatGeometry;
  readonly #bytes: DataView;
  readonly #dirtySectors = new Set<number>();

  constructor(file: BlockFile, geometry: FatGeometry) {
    this.#file = file;
    this.#geometry = geometry;
    const first = defined(geometry.tableOffsets[0], "table");
    const bytes = readBlock(file, first, geometry.tableBytes);
    this.#bytes = viewOf(bytes);
  }

  /** Returns the clusters of a file or directory in order. Throws "disk" when the chain is broken or endless. */
  chainFrom(start: number, what: string): number[] {
    const { clusters } = this.#geometry;
    const { bad, endMin } = MARKS[this.#geometry.bits];
    const chain: number[] = [];
    for (
      let cluster = start;
      cluster < endMin || chain.length === 0;
      cluster = this.#get(cluster)
    ) {
      const isCluster = cluster >= FIRST_CLUSTER && cluster < clusters + FIRST_CLUSTER;
      if (!isCluster || cluster === bad || chain.length >= clusters)
        throw new TandemError(
          "disk",
          `Cannot follow the clusters of ${what} on ${this.#file.name}: after ${chain.length} of them comes ${cluster}`,
          { hint: "The file system is damaged: repair it with fsck.fat." },
        );
      chain.push(cluster);
    }
    return chain;
  }

  get freeClusters(): number {
    let free = 0;
    for (const cluster of this.#clusters()) if (this.#get(cluster) === FREE) free += 1;
    return free;
  }

  /**
   * Finds free clusters, consecutive ones if possible. Undefined when there are not enough. Does not mark them as used.
   */
  findFree(count: number): number[] | undefined {
    const found: number[] = [];
    let run: number[] = [];
    for (const cluster of this.#clusters()) {
      if (run.length === count) return run;
      if (this.#get(cluster) !== FREE) run = [];
      else {
        run.push(cluster);
        if (found.length < count) found.push(cluster);
      }
    }
    if (run.length === count) return run;
    return found.length === count ? found : undefined;
  }

  /** Returns the clusters that are marked as used but are not in `used`. */
  lost(used: ReadonlySet<number>): number[] {
    const { bad } = MARKS[this.#geometry.bits];
    return [...this.#clusters()].filter((cluster) => {
      const value = this.#get(cluster);
      return value !== FREE && value !== bad && !used.has(cluster);
    });
  }

  link(chain: readonly number[]): void {
    const { end } = MARKS[this.#geometry.bits];
    for (const [index, cluster] of chain.entries()) this.#set(cluster, chain[index + 1] ?? end);
  }

  free(chain: readonly number[]): void {
    for (const cluster of chain) this.#set(cluster, FREE);
  }

  /** Writes the changed sectors to all copies. A power cut may leave any sector of any copy unwritten. */
  async save(): Promise<void> {
    const { sectorBytes, tableOffsets } = this.#geometry;
    const sectors = [...this.#dirtySectors].toSorted((one, other) => one - other);
    const pieces = tableOffsets.flatMap((offsetBytes) =>
      consecutiveRuns(sectors).map(({ first, count }) => ({
        offsetBytes: offsetBytes + first * sectorBytes,
        bytes: this.#slice(first * sectorBytes, count * sectorBytes),
      })),
    );
    await writeAllThrough(this.#file, pieces);
    this.#dirtySectors.clear();
  }

  *#clusters(): Generator<number> {
    const end = this.#geometry.clusters + FIRST_CLUSTER;
    for (let cluster = FIRST_CLUSTER; cluster < end; cluster += 1) yield cluster;
  }

  #get(cluster: number): number {
    return this.#geometry.bits === 16
      ? this.#bytes.getUint16(cluster * 2, true)
      : this.#bytes.getUint32(cluster * 4, true) % VALUES_32;
  }

  #set(cluster: number, value: number): void {
    const { bits, sectorBytes } = this.#geometry;
    const at = (cluster * bits) / 8;
    if (bits === 16) this.#bytes.setUint16(at, value, true);
    else {
      const before = this.#bytes.getUint32(at, true);
      this.#bytes.setUint32(at, before - (before % VALUES_32) + value, true);
    }
    this.#dirtySectors.add(Math.floor(at / sectorBytes));
  }

  #slice(offsetBytes: number, sizeBytes: number): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + offsetBytes, sizeBytes);
  }
}

/** Returns the number of clusters of a file of this size. */
export function clustersFor({ clusterBytes }: FatGeometry, sizeBytes: number): number {
  return alignUp(sizeBytes, clusterBytes) / clusterBytes;
}

/** Returns the offset of a cluster in bytes. */
export function offsetOfCluster(
  { dataOffsetBytes, clusterBytes }: FatGeometry,
  cluster: number,
): number {
  return dataOffsetBytes + (cluster - FIRST_CLUSTER) * clusterBytes;
}

/** Joins consecutive numbers of an ordered list to runs. */
export function consecutiveRuns(
  numbers: readonly number[],
): { readonly first: number; readonly count: number }[] {
  const runs: { first: number; count: number }[] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === number) last.count += 1;
    else runs.push({ first: number, count: 1 });
  }
  return runs;
}
