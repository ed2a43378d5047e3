import { defined } from "../lib/assert.ts";
import { TandemError } from "../lib/error.ts";
import { formatBytes } from "../lib/units.ts";
import { CHUNK_BYTES } from "../disk/chunk.ts";
import type { ChunkRun, Ext4Geometry } from "./geometry.ts";

/**
 * Allocates whole chunks of a geometry for several threads without a lock: each run of free chunks has a cursor in
 * shared memory that only increases. Chunks are never freed. With one thread the order is deterministic.
 */
export class Allocator {
  readonly #runs: readonly ChunkRun[];
  /** The number of allocated chunks in each run. */
  readonly #taken: Int32Array;
  /** Send this to another thread and call attach() there. */
  readonly shared: SharedArrayBuffer;

  private constructor(runs: readonly ChunkRun[], shared: SharedArrayBuffer) {
    this.#runs = runs;
    this.shared = shared;
    this.#taken = new Int32Array(shared);
  }

  static create(geometry: Ext4Geometry): Allocator {
    return new Allocator(geometry.runs, new SharedArrayBuffer(geometry.runs.length * 4));
  }

  static attach(geometry: Ext4Geometry, shared: SharedArrayBuffer): Allocator {
    return new Allocator(geometry.runs, shared);
  }

  /** The space that is still free. Other threads may take it at any time. */
  get freeBytes(): number {
    return this.#runs.reduce((sum, _, index) => sum + this.#left(index), 0) * CHUNK_BYTES;
  }

  /** Allocates `chunks` chunks, consecutive ones if a run has so many left. Throws "no-space". */
  take(chunks: number): readonly ChunkRun[] {
    const taken: ChunkRun[] = [];
    let missing = chunks;
    while (missing > 0) {
      const piece = this.#takeFirstFit(missing) ?? this.#takeSome(missing);
      if (piece === undefined) throw this.#full(missing, chunks);
      taken.push(piece);
      missing -= piece.chunks;
    }
    return taken;
  }

  #takeFirstFit(chunks: number): ChunkRun | undefined {
    for (let index = 0; index < this.#runs.length; index += 1) {
      const piece = this.#claim(index, chunks);
      if (piece !== undefined) return piece;
    }
    return undefined;
  }

  /** Allocates the rest of the run with the most free chunks, at most `chunks`. */
  #takeSome(chunks: number): ChunkRun | undefined {
    for (;;) {
      const lefts = this.#runs.map((_, index) => this.#left(index));
      const left = Math.min(Math.max(0, ...lefts), chunks);
      if (left === 0) return undefined;
      const piece = this.#claim(
        lefts.findIndex((count) => count >= left),
        left,
      );
      if (piece !== undefined) return piece;
    }
  }

  #claim(index: number, chunks: number): ChunkRun | undefined {
    const run = defined(this.#runs[index], "run of chunks");
    for (;;) {
      const taken = Atomics.load(this.#taken, index);
      if (run.chunks - taken < chunks) return undefined;
      if (Atomics.compareExchange(this.#taken, index, taken, taken + chunks) === taken)
        return { chunk: run.chunk + taken, chunks };
    }
  }

  #left(index: number): number {
    return defined(this.#runs[index], "run of chunks").chunks - Atomics.load(this.#taken, index);
  }

  #full(missing: number, chunks: number): TandemError {
    const total = this.#runs.reduce((sum, run) => sum + run.chunks, 0);
    return new TandemError(
      "no-space",
      `Cannot place ${formatBytes(chunks * CHUNK_BYTES)} more in the file system: ` +
        `${formatBytes((chunks - missing) * CHUNK_BYTES)} of its ${formatBytes(total * CHUNK_BYTES)} are left`,
      { hint: "Use a larger slot or a smaller image." },
    );
  }
}
