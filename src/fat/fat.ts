import { reasonOf, TandemError } from "../lib/error.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { type FileContent, readRanges, writeRanges } from "./data.ts";
import { type FatVolume, FatFolder } from "./folder.ts";
import { type FatGeometry, readGeometry } from "./geometry.ts";
import { encodeDots, type FatEntry } from "./folder-entries.ts";
import { clustersFor, FatTable, offsetOfCluster, consecutiveRuns } from "./table.ts";
import type { Range } from "../disk/read-back.ts";
import { writeThrough } from "../disk/write-through.ts";

export interface FatFile {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/** FSInfo: the offset of the number of free clusters, and its value for an unknown number. */
const INFO_FREE_COUNT = 488;
const UNKNOWN = 0xffffffff;
const FILE_BYTES_MAX = 2 ** 32 - 1;

/**
 * A FAT file system, read and written without mounting it. No other program may have it mounted at the same time. After
 * a power cut each file is in its old state or in its new state. At most a cut leaves lost clusters: see reclaim().
 */
export class Fat {
  readonly #volume: FatVolume;

  private constructor(file: BlockFile, geometry: FatGeometry) {
    this.#volume = { file, geometry, table: new FatTable(file, geometry) };
  }

  /** Opens the file system. Throws "disk" when it is no FAT16 or FAT32, or when its numbers contradict each other. */
  static open(file: BlockFile): Fat {
    return new Fat(file, readGeometry(file));
  }

  get freeBytes(): number {
    const { table, geometry } = this.#volume;
    return table.freeClusters * geometry.clusterBytes;
  }

  /** Lists a folder. Undefined when there is no such folder. */
  list(path: string): FatFile[] | undefined {
    return this.#folder(path)?.entries.map(({ name, isFolder, sizeBytes }) => ({
      name,
      isFolder,
      sizeBytes,
    }));
  }

  /** Returns the content of a file, which is read from the medium. Undefined when there is no such file. */
  read(path: string): FileContent | undefined {
    const entry = this.#find(path);
    if (entry === undefined || entry.isFolder) return undefined;
    const { sizeBytes } = entry;
    const chain = sizeBytes === 0 ? [] : this.#volume.table.chainFrom(entry.cluster, path);
    if (chain.length < clustersFor(this.#volume.geometry, sizeBytes))
      throw this.#failed(
        "read",
        path,
        `it has only ${chain.length} clusters for ${sizeBytes} bytes`,
      );
    return {
      sizeBytes,
      read: () => readRanges(this.#volume.file, this.#rangesOf(chain, sizeBytes)),
    };
  }

  /** Makes a new file, and reads it back. Throws "no-space", and "disk" when the name exists. */
  async write(path: string, content: FileContent): Promise<void> {
    const { folder, name } = this.#newEntry(path);
    const { sizeBytes } = content;
    this.#findSpace(path, sizeBytes);
    await this.#changing(async () => {
      await folder.makeRoom(name);
      // Search again, because the folder may have taken a cluster.
      const chain = this.#findSpace(path, sizeBytes);
      await this.#writeData(path, content, this.#rangesOf(chain, sizeBytes));
      this.#volume.table.link(chain);
      await this.#volume.table.save();
      await folder.add({ name, isFolder: false, cluster: chain[0] ?? 0, sizeBytes });
    });
  }

  /** Makes a folder. Does nothing when it exists. */
  async makeFolder(path: string): Promise<void> {
    if (this.#folder(path) !== undefined) return;
    const { folder, name } = this.#newEntry(path);
    const { file, geometry, table } = this.#volume;
    this.#findSpace(path, 1);
    await this.#changing(async () => {
      await folder.makeRoom(name);
      const [cluster = 0] = this.#findSpace(path, 1);
      const bytes = new Uint8Array(geometry.clusterBytes);
      bytes.set(encodeDots(cluster, folder.cluster));
      await writeThrough(file, offsetOfCluster(geometry, cluster), bytes);
      table.link([cluster]);
      await table.save();
      await folder.add({ name, isFolder: true, cluster, sizeBytes: 0 });
    });
  }

  /**
   * Removes a file or an empty folder. Does nothing when it does not exist. Throws "disk" when the folder is not empty.
   */
  async remove(path: string): Promise<void> {
    const { folder, name } = this.#parent(path);
    const entry = folder?.find(name);
    if (folder === undefined || entry === undefined) return;
    if (entry.isFolder && this.#inside(folder, entry).entries.length > 0)
      throw this.#failed("remove", path, "the folder is not empty");
    await this.#changing(async () => {
      // Erase the name before the clusters are freed: a cut between the two only leaves lost clusters.
      const chain = this.#chainToFree(folder, entry);
      await folder.erase(entry);
      this.#volume.table.free(chain);
      await this.#volume.table.save();
    });
  }

  /**
   * Returns a problem that tandem's own power cuts cannot cause: broken chains or shared clusters. Undefined when there
   * is none.
   */
  flaw(): string | undefined {
    try {
      this.#collectUsed(new FatFolder(this.#volume, "/"), new Set());
      return undefined;
    } catch (error) {
      if (error instanceof TandemError) return reasonOf(error);
      throw error;
    }
  }

  /**
   * Frees the lost clusters that power cuts have left. Returns their size in bytes. Throws "disk" when the file system
   * is damaged.
   */
  async reclaim(): Promise<number> {
    const { table, geometry } = this.#volume;
    const used = new Set<number>();
    this.#collectUsed(new FatFolder(this.#volume, "/"), used);
    const lost = table.lost(used);
    if (lost.length === 0) return 0;
    await this.#changing(async () => {
      table.free(lost);
      await table.save();
    });
    return lost.length * geometry.clusterBytes;
  }

  /** Adds all clusters of a folder and its content to `used`. Throws "disk" when two files share a cluster. */
  #collectUsed(folder: FatFolder, used: Set<number>): void {
    this.#claim(folder.path, folder.chain, used);
    const files = new Map<number, string>();
    for (const entry of folder.entries) {
      const path = `${folder.path}/${entry.name}`;
      if (entry.isFolder) this.#collectUsed(this.#inside(folder, entry), used);
      // A second name of a file: see #chainToFree().
      else if (entry.cluster !== 0) files.set(entry.cluster, path);
    }
    for (const [cluster, path] of files)
      this.#claim(path, this.#volume.table.chainFrom(cluster, path), used);
  }

  #claim(path: string, chain: readonly number[], used: Set<number>): void {
    for (const cluster of chain) {
      if (used.has(cluster)) throw this.#failed("check", path, "it shares clusters with another");
      used.add(cluster);
    }
  }

  /**
   * Returns the clusters to free with an entry. Firmware that loses power while it renames a file leaves two names for
   * the same clusters. Then the other name keeps them.
   */
  #chainToFree(folder: FatFolder, entry: FatEntry): number[] {
    if (entry.cluster === 0) return [];
    const names = folder.entries.filter(({ cluster }) => cluster === entry.cluster);
    return names.length > 1 ? [] : this.#volume.table.chainFrom(entry.cluster, entry.name);
  }

  #folder(path: string): FatFolder | undefined {
    let folder = new FatFolder(this.#volume, "/");
    for (const name of path.split("/").filter((part) => part !== "")) {
      const entry = folder.find(name);
      if (entry?.isFolder !== true) return undefined;
      folder = this.#inside(folder, entry);
    }
    return folder;
  }

  #inside(folder: FatFolder, entry: FatEntry): FatFolder {
    const path = `${folder.path === "/" ? "" : folder.path}/${entry.name}`;
    if (entry.cluster === 0) throw this.#failed("open", path, "it is a folder without clusters");
    return new FatFolder(this.#volume, path, entry);
  }

  #parent(path: string): { readonly folder: FatFolder | undefined; readonly name: string } {
    const slash = path.lastIndexOf("/");
    return { folder: this.#folder(path.slice(0, slash)), name: path.slice(slash + 1) };
  }

  #find(path: string): FatEntry | undefined {
    const { folder, name } = this.#parent(path);
    return folder?.find(name);
  }

  #newEntry(path: string): { readonly folder: FatFolder; readonly name: string } {
    const { folder, name } = this.#parent(path);
    if (folder === undefined) throw this.#failed("write", path, "its folder is not there");
    if (folder.find(name) !== undefined) throw this.#failed("write", path, "it is there already");
    return { folder, name };
  }

  #findSpace(path: string, sizeBytes: number): number[] {
    const { table, geometry, file } = this.#volume;
    if (sizeBytes > FILE_BYTES_MAX)
      throw this.#failed("write", path, `FAT takes no file of ${sizeBytes} bytes`);
    const clusters = table.findFree(clustersFor(geometry, sizeBytes));
    if (clusters !== undefined) return clusters;
    throw new TandemError(
      "no-space",
      `Cannot write ${path} to ${file.name}: needs ${sizeBytes} bytes, has ${this.freeBytes}`,
    );
  }

  /** Makes a change. Sets the count of free clusters to unknown before it, so that a cut cannot leave a wrong count. */
  async #changing(change: () => Promise<void>): Promise<void> {
    await this.#saveFreeCount(UNKNOWN);
    await change();
    await this.#saveFreeCount(this.#volume.table.freeClusters);
  }

  async #saveFreeCount(count: number): Promise<void> {
    const { file, geometry } = this.#volume;
    const { infoOffsetBytes, sectorBytes } = geometry;
    if (infoOffsetBytes === undefined) return;
    const sector = readBlock(file, infoOffsetBytes, sectorBytes);
    const view = new DataView(sector.buffer);
    if (view.getUint32(INFO_FREE_COUNT, true) === count) return;
    view.setUint32(INFO_FREE_COUNT, count, true);
    await writeThrough(file, infoOffsetBytes, sector);
  }

  #rangesOf(chain: readonly number[], sizeBytes: number): Range[] {
    const { geometry } = this.#volume;
    let left = sizeBytes;
    return consecutiveRuns(chain).map(({ first, count }) => {
      const range = {
        offsetBytes: offsetOfCluster(geometry, first),
        sizeBytes: Math.min(left, count * geometry.clusterBytes),
      };
      left -= range.sizeBytes;
      return range;
    });
  }

  async #writeData(path: string, content: FileContent, ranges: readonly Range[]): Promise<void> {
    const { file } = this.#volume;
    const written = writeRanges(file, content, ranges);
    if ("sizeBytes" in written)
      throw this.#failed(
        "write",
        path,
        `its ${content.sizeBytes} bytes have become ${written.sizeBytes}`,
      );
    await file.flush();
    const hasher = new Bun.CryptoHasher("sha256");
    for (const chunk of readRanges(file, ranges)) hasher.update(chunk);
    if (hasher.digest("hex") !== written.sha256)
      throw this.#failed("write", path, "the medium holds something else afterwards");
  }

  #failed(verb: string, path: string, why: string): TandemError {
    return new TandemError("disk", `Cannot ${verb} ${path} on ${this.#volume.file.name}: ${why}`);
  }
}
