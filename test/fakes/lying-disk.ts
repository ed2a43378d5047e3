import type { BlockFile } from "../../src/system/block-file.ts";
import { PagedImage } from "./paged-image.ts";

/** A disk whose page cache holds the written data while its medium may hold other data. */
export class LyingDisk {
  readonly medium: PagedImage;
  readonly #cache: PagedImage;
  /** The number of bytes that were read from the medium. */
  readonly #dropped: { from: number; to: number }[] = [];
  /** Reads beyond this offset fail. */
  readableBytes: number;

  constructor(bytes: Uint8Array) {
    this.medium = PagedImage.of(bytes);
    this.#cache = PagedImage.of(bytes);
    this.readableBytes = bytes.byteLength;
  }

  get file(): BlockFile {
    return {
      ...this.#cache.file("lying disk"),
      write: (offsetBytes, bytes) => {
        this.medium.write(offsetBytes, bytes);
        this.#cache.write(offsetBytes, bytes);
      },
      dropCache: (from, sizeBytes) => {
        this.#dropped.push({ from, to: from + sizeBytes });
      },
      readInto: (offsetBytes, target) => this.#read(offsetBytes, target),
      read: async (offsetBytes, target) => {
        // The answer of a thread arrives by the event loop, after other pending events.
        await new Promise(setImmediate);
        this.#read(offsetBytes, target);
        return "cached";
      },
    };
  }

  #read(offsetBytes: number, target: Uint8Array): void {
    const end = offsetBytes + target.byteLength;
    if (end > this.readableBytes) throw new Error("I/O error");
    const isDropped = this.#dropped.some(({ from, to }) => from <= offsetBytes && end <= to);
    (isDropped ? this.medium : this.#cache).readInto(offsetBytes, target);
  }
}
