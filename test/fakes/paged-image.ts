import type { BlockFile } from "../../src/system/block-file.ts";

const PAGE_BYTES = 4096;

/**
 * The bytes of a disk in memory. A fork shares its pages until one of the two writes to them, so hundreds of forks are
 * cheap.
 */
export class PagedImage {
  readonly sizeBytes: number;
  readonly #pages: Map<number, Uint8Array>;
  /** The pages that no fork shares. */
  #owned = new Set<number>();

  private constructor(sizeBytes: number, pages: Map<number, Uint8Array>) {
    this.sizeBytes = sizeBytes;
    this.#pages = pages;
  }

  static zeros(sizeBytes: number): PagedImage {
    return new PagedImage(sizeBytes, new Map());
  }

  static of(bytes: Uint8Array): PagedImage {
    const image = PagedImage.zeros(bytes.byteLength);
    image.write(0, bytes);
    return image;
  }

  fork(): PagedImage {
    this.#owned = new Set();
    return new PagedImage(this.sizeBytes, new Map(this.#pages));
  }

  readInto(offsetBytes: number, target: Uint8Array): void {
    this.#check(offsetBytes, target.byteLength);
    for (const { page, at, from, to } of pieces(offsetBytes, target.byteLength)) {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) target.fill(0, from, to);
      else target.set(bytes.subarray(at, at + to - from), from);
    }
  }

  write(offsetBytes: number, bytes: Uint8Array): void {
    this.#check(offsetBytes, bytes.byteLength);
    for (const { page, at, from, to } of pieces(offsetBytes, bytes.byteLength))
      this.#own(page).set(bytes.subarray(from, to), at);
  }

  /** Like write(), but does not copy whole pages: `bytes` must never change. */
  share(offsetBytes: number, bytes: Uint8Array): void {
    this.#check(offsetBytes, bytes.byteLength);
    for (const { page, at, from, to } of pieces(offsetBytes, bytes.byteLength))
      if (to - from === PAGE_BYTES) {
        this.#pages.set(page, bytes.subarray(from, to));
        this.#owned.delete(page);
      } else this.#own(page).set(bytes.subarray(from, to), at);
  }

  /** Returns the whole disk, to compare it or to give it to a program. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.sizeBytes);
    this.readInto(0, all);
    return all;
  }

  /** A BlockFile for this image. There is no cache, so flush() does nothing. */
  file(name = "image"): BlockFile {
    return {
      name,
      sizeBytes: this.sizeBytes,
      readInto: (offsetBytes, target) => this.readInto(offsetBytes, target),
      read: (offsetBytes, target) =>
        Promise.try(() => {
          this.readInto(offsetBytes, target);
          return "cached";
        }),
      write: (offsetBytes, bytes) => this.write(offsetBytes, bytes),
      flush: () => Promise.resolve(),
      dropCache: (offsetBytes, sizeBytes) => this.#check(offsetBytes, sizeBytes),
      close() {},
    };
  }

  #own(page: number): Uint8Array {
    const shared = this.#pages.get(page);
    if (shared !== undefined && this.#owned.has(page)) return shared;
    // `bytes` may be a Buffer, whose slice() makes no copy.
    const owned = shared === undefined ? new Uint8Array(PAGE_BYTES) : new Uint8Array(shared);
    this.#pages.set(page, owned);
    this.#owned.add(page);
    return owned;
  }

  #check(offsetBytes: number, sizeBytes: number): void {
    if (offsetBytes < 0 || sizeBytes < 0 || offsetBytes + sizeBytes > this.sizeBytes)
      throw new RangeError(
        `Cannot access ${offsetBytes}+${sizeBytes}: the image has ${this.sizeBytes} bytes`,
      );
  }
}

interface Piece {
  readonly page: number;
  /** The offset of the piece in its page. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

function* pieces(offsetBytes: number, sizeBytes: number): Generator<Piece> {
  for (let from = 0; from < sizeBytes;) {
    const at = (offsetBytes + from) % PAGE_BYTES;
    const to = Math.min(sizeBytes, from + PAGE_BYTES - at);
    yield { page: Math.floor((offsetBytes + from) / PAGE_BYTES), at, from, to };
    from = to;
  }
}
