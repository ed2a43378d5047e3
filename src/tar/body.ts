import { assert, defined } from "../lib/assert.ts";
import type { DataSink, Extent } from "./entry.ts";
import type { Extended, PaxSparse } from "./extended.ts";
import { Fault } from "./fault.ts";
import { BLOCK_BYTES, type Header } from "./header.ts";
import { FILE_BYTES_MAX, readOldExtension, readOldHeader, SparseMap } from "./sparse.ts";
import { SparseLines } from "./sparse-lines.ts";

/** Where data goes that means nothing. */
const NOWHERE: DataSink = { begin() {}, seek() {}, write() {}, end: () => [] };

export interface BodyStart {
  readonly header: Header;
  readonly extended: Extended | undefined;
  /** What the archive holds of the file: its data, and the map in front of it when there is one. */
  readonly bodyBytes: number;
}

/** Reads the bodies of files, one after the other: the map of a sparse one first, then the data, which goes to the sink uncopied. */
export class Body {
  /** Of the file with its holes. */
  sizeBytes = 0;
  readonly #sink: DataSink;
  #target: DataSink = NOWHERE;
  /** Data to come, in the run that is being read and in the whole file. */
  #runBytes = 0;
  #leftBytes = 0;
  /** Where in the file the sink stands. */
  #offsetBytes = 0;
  #map: SparseMap | undefined;
  #nextRun = 0;
  /** Reads the next block of the map, and returns whether it was the last one. */
  #readMap: ((block: Uint8Array, start: number) => boolean) | undefined;

  constructor(sink: DataSink) {
    this.#sink = sink;
  }

  /** True while whole blocks have to go to `readMapBlock`. */
  get isInMap(): boolean {
    return this.#readMap !== undefined;
  }

  get isComplete(): boolean {
    return this.#leftBytes === 0 && this.#readMap === undefined;
  }

  /** Begins the file whose header stands in `block` from `at` on. */
  start({ header, extended, bodyBytes }: BodyStart, block: Uint8Array, at: number): void {
    this.#target = this.#sink;
    this.#leftBytes = bodyBytes;
    this.#map = undefined;
    if (header.type === "S") this.#startOld(header, block, at);
    else if (extended === undefined) this.#startData();
    else this.#startPax(extended.sparse);
  }

  /** Begins a body that nobody wants: it makes an empty file. */
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

  /** Takes what belongs to the file from `chunk`, from `at` on, and returns how much it was. */
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
      this.#map = map ?? new SparseMap(); // Nothing but a hole may be said with no map.
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
      this.#leftBytes -= BLOCK_BYTES;
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

  /** Goes to the next run with data in it. There is one: the map was checked against the data. */
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
