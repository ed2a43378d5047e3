import { reasonOf, TandemError } from "../lib/error.ts";
import { readBlock, type BlockFile } from "../system/block-file.ts";
import { type Content, type Place, readPlaces, writePlaces } from "./data.ts";
import { type FatVolume, FatFolder } from "./folder.ts";
import { type FatGeometry, readGeometry } from "./geometry.ts";
import { encodeDots, type FatEntry } from "./folder-entries.ts";
import { clustersFor, FatTable, placeOfCluster, runsOf } from "./table.ts";
import { writeThrough } from "../disk/write-through.ts";

export interface FatFile {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/** FSInfo: the number of free clusters, where it is known. */
const INFO_FREE_COUNT = 488;
const UNKNOWN = 0xffffffff;
const FILE_BYTES_MAX = 2 ** 32 - 1;

/**
 * A FAT file system, read and written without mounting it. After a cut of the power every file is there as it was or as it was to be,
 * or not there; at most clusters are lost, which reclaim() takes back. Nobody else may have it mounted meanwhile.
 */
export class Fat {
  readonly #volume: FatVolume;

  private constructor(file: BlockFile, geometry: FatGeometry) {
    this.#volume = { file, geometry, table: new FatTable(file, geometry) };
  }

  /** Throws `disk` when there is no FAT16 or FAT32 that makes sense. */
  static open(file: BlockFile): Fat {
    return new Fat(file, readGeometry(file));
  }

  get freeBytes(): number {
    const { table, geometry } = this.#volume;
    return table.freeClusters * geometry.clusterBytes;
  }

  /** What is in a folder; undefined when there is none. */
  list(path: string): FatFile[] | undefined {
    return this.#folder(path)?.entries.map(({ name, isFolder, sizeBytes }) => ({
      name,
      isFolder,
      sizeBytes,
    }));
  }

  /** The bytes of a file in order, from the medium; undefined when there is none. */
  read(path: string): Content | undefined {
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
      read: () => readPlaces(this.#volume.file, this.#placesOf(chain, sizeBytes)),
    };
  }

  /** Makes a new file, and reads it back. Throws `no-space`, and `disk` when there is one of that name already. */
  async write(path: string, content: Content): Promise<void> {
    const { folder, name } = this.#newEntry(path);
    const { sizeBytes } = content;
    this.#findSpace(path, sizeBytes);
    await this.#changing(async () => {
      await folder.makeRoom(name);
      // Only now, since the folder may have grown.
      const chain = this.#findSpace(path, sizeBytes);
      await this.#writeData(path, content, this.#placesOf(chain, sizeBytes));
      this.#volume.table.link(chain);
      await this.#volume.table.save();
      await folder.add({ name, isFolder: false, cluster: chain[0] ?? 0, sizeBytes });
    });
  }

  /** Makes a folder. Nothing happens when it is there. */
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
      await writeThrough(file, placeOfCluster(geometry, cluster), bytes);
      table.link([cluster]);
      await table.save();
      await folder.add({ name, isFolder: true, cluster, sizeBytes: 0 });
    });
  }

  /** Removes a file or an empty folder. Nothing happens when it is not there. */
  async remove(path: string): Promise<void> {
    const { folder, name } = this.#parent(path);
    const entry = folder?.find(name);
    if (folder === undefined || entry === undefined) return;
    if (entry.isFolder && this.#inside(folder, entry).entries.length > 0)
      throw this.#failed("remove", path, "the folder is not empty");
    await this.#changing(async () => {
      // The name first, in all ways: whatever comes after, nothing leads to the clusters.
      const chain = this.#chainToFree(folder, entry);
      await folder.erase(entry);
      this.#volume.table.free(chain);
      await this.#volume.table.save();
    });
  }

  /** What no cut of ours leaves: chains that are broken or run into each other. undefined: nothing of that. */
  flaw(): string | undefined {
    try {
      this.#collect(new FatFolder(this.#volume, "/"), new Set());
      return undefined;
    } catch (error) {
      if (error instanceof TandemError) return reasonOf(error);
      throw error;
    }
  }

  /** Frees what cuts have left behind, and says how many bytes that were. Throws `disk` when the file system is damaged. */
  async reclaim(): Promise<number> {
    const { table, geometry } = this.#volume;
    const used = new Set<number>();
    this.#collect(new FatFolder(this.#volume, "/"), used);
    const lost = table.lost(used);
    if (lost.length === 0) return 0;
    await this.#changing(async () => {
      table.free(lost);
      await table.save();
    });
    return lost.length * geometry.clusterBytes;
  }

  #collect(folder: FatFolder, used: Set<number>): void {
    this.#claim(folder.path, folder.chain, used);
    const files = new Map<number, string>();
    for (const entry of folder.entries) {
      const path = `${folder.path}/${entry.name}`;
      if (entry.isFolder) this.#collect(this.#inside(folder, entry), used);
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

  /** A firmware that was cut while it renamed a file leaves two names for one: then the other name keeps the clusters. */
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

  /** While it changes, the count of free clusters is unknown, so that a cut cannot leave a wrong one. */
  async #changing(change: () => Promise<void>): Promise<void> {
    await this.#noteFree(UNKNOWN);
    await change();
    await this.#noteFree(this.#volume.table.freeClusters);
  }

  async #noteFree(count: number): Promise<void> {
    const { file, geometry } = this.#volume;
    const { infoOffsetBytes, sectorBytes } = geometry;
    if (infoOffsetBytes === undefined) return;
    const sector = readBlock(file, infoOffsetBytes, sectorBytes);
    const view = new DataView(sector.buffer);
    if (view.getUint32(INFO_FREE_COUNT, true) === count) return;
    view.setUint32(INFO_FREE_COUNT, count, true);
    await writeThrough(file, infoOffsetBytes, sector);
  }

  #placesOf(chain: readonly number[], sizeBytes: number): Place[] {
    const { geometry } = this.#volume;
    let left = sizeBytes;
    return runsOf(chain).map(({ first, count }) => {
      const place = {
        offsetBytes: placeOfCluster(geometry, first),
        sizeBytes: Math.min(left, count * geometry.clusterBytes),
      };
      left -= place.sizeBytes;
      return place;
    });
  }

  async #writeData(path: string, content: Content, places: readonly Place[]): Promise<void> {
    const { file } = this.#volume;
    const written = writePlaces(file, content, places);
    if ("sizeBytes" in written)
      throw this.#failed(
        "write",
        path,
        `its ${content.sizeBytes} bytes have become ${written.sizeBytes}`,
      );
    await file.flush();
    const hasher = new Bun.CryptoHasher("sha256");
    for (const chunk of readPlaces(file, places)) hasher.update(chunk);
    if (hasher.digest("hex") !== written.sha256)
      throw this.#failed("write", path, "the medium holds something else afterwards");
  }

  #failed(verb: string, path: string, why: string): TandemError {
    return new TandemError("disk", `Cannot ${verb} ${path} on ${this.#volume.file.name}: ${why}`);
  }
}
