import { TandemError } from "../lib/error.ts";
import { formatBytes } from "../lib/units.ts";
import type { DataSink, Entry } from "../tar/entry.ts";
import { Fault, quoted, refused } from "../tar/fault.ts";
import { createInflater, type Inflater } from "./inflate.ts";
import { hashHere, type OutputHash } from "./output-hash.ts";
import { TarReader } from "../tar/tar.ts";
import { markerOf } from "./whiteout.ts";

export interface LayerInput {
  /** For messages: "layer 2 of 4 (sha256:…)". */
  readonly label: string;
  readonly mediaType: string;
  /** The digest of the decompressed layer: "sha256:…". */
  readonly diffId: string;
  /** The size limit of the decompressed layer. */
  readonly outputBytesMax: number;
}

/** The receivers of a layer's content. */
export interface LayerOutput {
  readonly sink: DataSink;
  readonly onEntry: (entry: Entry) => void;
  readonly onWarning: (text: string) => void;
  /** Computes the diff id. Default: in this thread. */
  readonly hash?: OutputHash;
}

/** The most warnings of a layer: enough to see what is wrong. */
const WARNINGS_MAX = 100;

/**
 * Turns the bytes of one layer into entries, all during `write`. The entries are valid only after `end` has returned:
 * then the archive was complete and its diff id correct. After an error the unpacker must not be used. Throws
 * "content".
 */
export class LayerUnpacker {
  readonly #input: LayerInput;
  readonly #inflater: Inflater;
  readonly #reader: TarReader;
  readonly #hash: OutputHash;
  readonly #onWarning: (text: string) => void;
  #warnings = 0;
  #outputBytes = 0;

  constructor(input: LayerInput, { sink, onEntry, onWarning, hash = hashHere() }: LayerOutput) {
    this.#input = input;
    this.#onWarning = onWarning;
    this.#hash = hash;
    this.#reader = new TarReader({
      sink,
      onEntry,
      onWarning: (text) => this.#warn(text),
      dataBytesMax: input.outputBytesMax,
      // A marker refers to the layers below and is no file.
      wantsData: (path) => markerOf(path) === undefined,
    });
    this.#inflater = this.#named(() =>
      createInflater(
        input.mediaType,
        (text) => this.#warn(text),
        () => hash.buffer(),
      ),
    );
  }

  write(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#named(() => this.#inflater.write(chunk, this.#take));
  }

  end(): void {
    this.#named(() => {
      this.#inflater.end(this.#take);
      this.#numbered(() => this.#reader.end());
    });
    const got = `sha256:${this.#hash.digest()}`;
    const { label, diffId } = this.#input;
    if (got !== diffId)
      throw new TandemError(
        "content",
        `Cannot unpack ${label}: it decompresses to ${got}, the image says ${diffId}`,
      );
  }

  readonly #take = (bytes: Uint8Array): void => {
    this.#outputBytes += bytes.length;
    const { outputBytesMax } = this.#input;
    if (this.#outputBytes > outputBytesMax)
      throw new Fault(`the layer decompresses to more than ${formatBytes(outputBytesMax)}`);
    this.#hash.update(bytes);
    this.#numbered(() => this.#reader.write(bytes));
  };

  /** Names the layer, and the entry if it has a name, in errors. */
  #named<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw refused(error, this.#input.label, this.#reader.path);
    }
  }

  /** Names the number of the entry in errors of the tar reader when the entry has no name yet. */
  #numbered(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw refused(error, this.#input.label, this.#reader.path ?? this.#reader.number);
    }
  }

  #warn(text: string): void {
    this.#warnings += 1;
    if (this.#warnings > WARNINGS_MAX) return;
    const { path } = this.#reader;
    const where = path === undefined ? "" : `entry ${quoted(path)}: `;
    this.#onWarning(`${this.#input.label}: ${where}${text}, continuing`);
  }
}
