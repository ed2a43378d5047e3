import { assert, defined } from "../lib/assert.ts";
import type { DataSink, Extent } from "./entry.ts";
import type { Extended, PaxSparse } from "./extended.ts";
import { Fault } from "./fault.ts";
import { TAR_BLOCK_BYTES, type Header } from "./header.ts";
import { FILE_BYTES_MAX, readOldExtension, readOldHeader, SparseMap } from "./sparse.ts";
import { SparseLines } from "./sparse-lines.ts";

/** Discards the data. */
const NOWHERE: DataSink = { begin() {}, seek() {}, write() {}, end: () => [] };

export interface BodyStart {
  readonly header: Header;
  readonly extended: Extended | undefined;
  /** The size of the body in the archive: the sparse map, if there is one, and the data. */
  readonly bodyBytes: number;
}

/**
 * Reads the bodies of files, one after another. The map of a sparse file comes first. Data goes to the sink without a
 * copy.
 */
export class Body {
  /** The size of the file, holes included. */
  sizeBytes = 0;
  readonly #sink: DataSink;
  #target: DataSink = NOWHERE;
  /** The data that is still to be read, in the current run and in the whole file. */
  #runBytes = 0;
  #leftBytes = 0;
  /** The offset in the file at which the sink writes next. */
  #offsetBytes = 0;
  #map: SparseMap | undefined;
  #nextRun = 0;
  /** Reads the next block of the map. Returns whether the map is complete. */
  #readMap: ((block: Uint8Array, start: number) => boolean) | undefined;

  constructor(sink: DataSink) {
    this.#sink = sink;
  }

  /** While true, the caller has to pass whole blocks to `readMapBlock`. */
  get isInMap(): boolean {
    return this.#readMap !== undefined;
  }

  get isComplete(): boolean {
    return this.#leftBytes === 0 && this.#readMap === undefined;
  }

  /** Begins the file whose header is in `block` at the offset `at`. */
  start({ header, extended, bodyBytes }: BodyStart, block: Uint8Array, at: number): void {
    this.#target = this.#sink;
    this.#leftBytes = bodyBytes;
    this.#map = undefined;
    if (header.type === "S") this.#startOld(header, block, at);
    else if (extended === undefined) this.#startData();
    else this.#startPax(extended.sparse);
  }

  /** Begins a body whose data is not needed. The result is an empty file. */
  startSkipping(bodyBytes: number): void {
    this.#target = NOWHERE;
    this.#leftBytes = bodyBytes;
    this.#runBytes = bodyBytes;
    this.sizeBytes = 0;
  }

  readMapBlock(block: Uint8Array, at: number): void {
    const readMap = defined(this.#readMap, "sparse map to read");
    if (!readMap(block, at)) return;
    this.#readMap = undefined;
    this.#startData();
  }

  /** Reads the file's data from `chunk`, starting at the offset `at`. Returns the number of bytes it used. */
  write(chunk: Uint8Array, at: number): number {
    if (this.#runBytes === 0) this.#enterRun();
    const takenBytes = Math.min(chunk.length - at, this.#runBytes);
    this.#target.write(chunk.subarray(at, at + takenBytes));
    this.#offsetBytes += takenBytes;
    this.#runBytes -= takenBytes;
    this.#leftBytes -= takenBytes;
    return takenBytes;
  }

  end(): readonly Extent[] {
    assert(this.isComplete, "a body is read to its end");
    return this.#target.end();
  }

  #startOld({ dialect }: Header, block: Uint8Array, at: number): void {
    if (dialect !== "gnu") throw new Fault("it is a sparse file of an unknown format");
    const map = new SparseMap();
    this.#map = map;
    if (!readOldHeader(map, block, at)) return this.#startData();
    this.#readMap = (extension, start) => !readOldExtension(map, extension, start);
  }

  #startPax({ major, minor, sizeBytes, offsetBytes, map }: PaxSparse): void {
    const version = major === undefined ? undefined : `${major}.${minor ?? ""}`;
    if (version === "1.0") return this.#startLines(sizeBytes);
    if (version !== undefined && version !== "0.0" && version !== "0.1")
      throw new Fault(`it is a sparse file of format ${version.slice(0, 40)}`);
    if (offsetBytes !== undefined) throw new Fault("its sparse map has an offset without a size");
    if (version !== undefined || map !== undefined || sizeBytes !== undefined) {
      this.#map = map ?? new SparseMap(); // A file that is one hole may come without a map.
      this.#map.sizeBytes = sizeOf(sizeBytes);
    }
    this.#startData();
  }

  #startLines(sizeBytes: number | undefined): void {
    const map = new SparseMap();
    map.sizeBytes = sizeOf(sizeBytes);
    const lines = new SparseLines(map);
    this.#map = map;
    this.#readMap = (block, at) => {
      this.#leftBytes -= TAR_BLOCK_BYTES;
      if (this.#leftBytes < 0) throw new Fault("its sparse map is longer than its body");
      return lines.readBlock(block, at);
    };
  }

  #startData(): void {
    this.#map?.check(this.#leftBytes);
    this.sizeBytes = this.#map?.sizeBytes ?? this.#leftBytes;
    if (this.sizeBytes > FILE_BYTES_MAX)
      throw new Fault(
        `it has ${this.sizeBytes} bytes, more than a file can have (${FILE_BYTES_MAX})`,
      );
    this.#nextRun = 0;
    this.#offsetBytes = 0;
    this.#runBytes = this.#map === undefined ? this.#leftBytes : 0;
    this.#target.begin(this.sizeBytes, this.#leftBytes);
  }

  /** Goes to the next run that is not empty. It exists, because `SparseMap.check` compared the map with the data. */
  #enterRun(): void {
    while (this.#runBytes === 0) {
      const { offsetBytes, sizeBytes } = defined(
        this.#map?.runs[this.#nextRun],
        "run for the data",
      );
      this.#nextRun += 1;
      this.#runBytes = sizeBytes;
      if (sizeBytes === 0 || offsetBytes === this.#offsetBytes) continue;
      this.#offsetBytes = offsetBytes;
      this.#target.seek(offsetBytes);
    }
  }
}

function sizeOf(sizeBytes: number | undefined): number {
  if (sizeBytes === undefined || sizeBytes < 0)
    throw new Fault("it is a sparse file without a size");
  return sizeBytes;
}
