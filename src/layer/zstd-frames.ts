import { Fault } from "../tar/fault.ts";

/** https://datatracker.ietf.org/doc/html/rfc8878#section-3.1 */
const FRAME_MAGIC = 0xfd2fb528;
/** The last four bits may have any value: 0x184D2A50 to 0x184D2A5F. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const CHECKSUM_BYTES = 4;
const RLE_BLOCK = 1;

/** The size of each number that is read. */
const FIELD_BYTES = { magic: 4, skippable: 4, descriptor: 1, block: 3 } as const;
type FrameField = keyof typeof FIELD_BYTES;

/**
 * Checks the frames of a compressed stream, because the decoder accepts without an error a stream that ends in the
 * middle of a frame, and other bytes after the last frame.
 */
export class ZstdFrames {
  #field: FrameField = "magic";
  /** The number of bytes to skip before the field. */
  #skipBytes = 0;
  #value = 0;
  #gotBytes = 0;
  #checksumBytes = 0;

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const skipBytes = Math.min(this.#skipBytes, chunk.length - at);
      this.#skipBytes -= skipBytes;
      at += skipBytes;
      const byte = chunk[at];
      if (byte === undefined) return;
      at += 1;
      this.#take(byte);
    }
  }

  /** Throws a Fault when a frame is not complete. */
  end(): void {
    if (this.#field !== "magic" || this.#gotBytes > 0 || this.#skipBytes > 0)
      throw new Fault("is cut off in the middle of a zstd frame");
  }

  /** Adds a byte to the little-endian number. It multiplies, because a shift could make four bytes negative. */
  #take(byte: number): void {
    this.#value += byte * 256 ** this.#gotBytes;
    this.#gotBytes += 1;
    if (this.#gotBytes < FIELD_BYTES[this.#field]) return;
    const value = this.#value;
    this.#value = 0;
    this.#gotBytes = 0;
    this.#handle(value);
  }

  #handle(value: number): void {
    switch (this.#field) {
      case "magic":
        this.#field = fieldAfterMagic(value);
        return;
      case "skippable":
        this.#expect("magic", value);
        return;
      case "descriptor":
        this.#checksumBytes = (value & 0b100) === 0 ? 0 : CHECKSUM_BYTES;
        this.#expect("block", headerBytes(value));
        return;
      case "block":
        this.#block(value);
    }
  }

  #block(value: number): void {
    const contentBytes = ((value >> 1) & 3) === RLE_BLOCK ? 1 : value >> 3;
    const isLast = (value & 1) === 1;
    if (isLast) this.#expect("magic", contentBytes + this.#checksumBytes);
    else this.#expect("block", contentBytes);
  }

  #expect(field: FrameField, skipBytes: number): void {
    this.#field = field;
    this.#skipBytes = skipBytes;
  }
}

function fieldAfterMagic(magic: number): FrameField {
  if (magic === FRAME_MAGIC) return "descriptor";
  if (magic - (magic % 16) === SKIPPABLE_MAGIC) return "skippable";
  throw new Fault("has bytes between or after its zstd frames that belong to none");
}

/** Returns the size of the header fields after the descriptor: window, dictionary and content size, each optional. */
function headerBytes(descriptor: number): number {
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentSizeBytes = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag];
  const windowBytes = isSingleSegment ? 0 : 1;
  return windowBytes + (DICTIONARY_ID_BYTES[descriptor & 3] ?? 0) + (contentSizeBytes ?? 0);
}
