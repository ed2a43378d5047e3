import { Fault } from "../tar/fault.ts";
import { type Compression, compressionOf } from "./media-type.ts";
import { NativeDecoder } from "./native-decoder.ts";
import { BUFFER_BYTES } from "./output-hash.ts";
import { ZstdFrames } from "./zstd-frames.ts";

export type Emit = (bytes: Uint8Array) => void;

/**
 * Decompresses a stream in chunks of any size. It emits during the calls only; the emitted bytes are valid during
 * `emit`.
 */
export interface Inflater {
  write(chunk: Uint8Array, emit: Emit): void;
  /** Throws a Fault when the input is not complete. */
  end(emit: Emit): void;
}

const MAGIC_BYTES = 4;

/** Returns the memory for the next output. The previous output was emitted before the next call. */
export type NextBuffer = () => Uint8Array;

function ownBuffer(): NextBuffer {
  const buffer = new Uint8Array(BUFFER_BYTES);
  return () => buffer;
}

/** Recognizes the compression by the first bytes, as container tools do. Warns when the media type says otherwise. */
export function createInflater(
  mediaType: string,
  onWarning: (text: string) => void,
  nextBuffer: NextBuffer = ownBuffer(),
): Inflater {
  const declared = compressionOf(mediaType);
  let head: Uint8Array = new Uint8Array(0);
  let inflater: Inflater | undefined;

  const start = (emit: Emit): Inflater => {
    const found = compressionIn(head);
    if (found !== declared && head.length > 0)
      onWarning(`its media type says compression ${declared}, its first bytes say ${found}`);
    const started = create(found, nextBuffer);
    started.write(head, emit);
    return started;
  };
  return {
    write(chunk, emit) {
      if (inflater !== undefined) return inflater.write(chunk, emit);
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length >= MAGIC_BYTES) inflater = start(emit);
      else head = new Uint8Array(head); // Copy, because the caller reuses the chunk.
    },
    end(emit) {
      inflater ??= start(emit);
      inflater.end(emit);
    },
  };
}

function compressionIn(head: Uint8Array): Compression {
  const magic = Buffer.from(head.subarray(0, MAGIC_BYTES)).toString("hex");
  if (magic.startsWith("1f8b08")) return "gzip";
  // A zstd frame, or a skippable frame, with which zstd:chunked may begin.
  return magic === "28b52ffd" || /^5.2a4d18$/.test(magic) ? "zstd" : "none";
}

function create(compression: Compression, nextBuffer: NextBuffer): Inflater {
  switch (compression) {
    case "none":
      return { write: (chunk, emit) => emit(chunk), end() {} };
    case "gzip":
      return new GzipInflater(nextBuffer);
    case "zstd":
      return new ZstdInflater(nextBuffer);
  }
}

/** Decompresses one or more gzip members. Only zeros may follow the last one: padding of tape blocks. */
class GzipInflater implements Inflater {
  readonly #decoder: NativeDecoder;
  #isPadding = false;

  constructor(nextBuffer: NextBuffer) {
    this.#decoder = new NativeDecoder("gzip", nextBuffer);
  }

  write(chunk: Uint8Array, emit: Emit): void {
    if (!this.#isPadding) {
      // The decoder leaves input unread only after a member that no other member follows.
      const leftBytes = decodeAll(this.#decoder, chunk, emit);
      if (leftBytes === 0) return;
      this.#isPadding = true;
      this.#checkPadding(chunk.subarray(chunk.length - leftBytes));
    } else this.#checkPadding(chunk);
  }

  end(): void {
    if (!this.#isPadding) this.#finish();
    this.#decoder.close();
  }

  #finish(): void {
    try {
      this.#decoder.finish();
    } catch (error) {
      throw new Fault("is cut off in the middle of its gzip data", { cause: error });
    }
  }

  #checkPadding(bytes: Uint8Array): void {
    if (bytes.some((byte) => byte !== 0)) throw new Fault("has other bytes after its gzip data");
  }
}

class ZstdInflater implements Inflater {
  readonly #decoder: NativeDecoder;
  readonly #frames = new ZstdFrames();

  constructor(nextBuffer: NextBuffer) {
    this.#decoder = new NativeDecoder("zstd", nextBuffer);
  }

  write(chunk: Uint8Array, emit: Emit): void {
    this.#frames.write(chunk);
    let leftBytes = chunk.length;
    // A call may stop at the end of a frame.
    while (leftBytes > 0) {
      const before = leftBytes;
      leftBytes = decodeAll(this.#decoder, chunk.subarray(chunk.length - before), emit);
      if (leftBytes === before) throw new Fault("has zstd data that does not decompress");
    }
  }

  end(): void {
    this.#frames.end();
    this.#decoder.close();
  }
}

/** Decodes until the decoder has no more output. Returns the number of bytes of `chunk` that are still unread. */
function decodeAll(decoder: NativeDecoder, chunk: Uint8Array, emit: Emit): number {
  let leftBytes = chunk.length;
  do {
    decoder.decode(chunk, leftBytes);
    leftBytes = decoder.leftBytes;
    if (decoder.producedBytes > 0) emit(decoder.output.subarray(0, decoder.producedBytes));
  } while (decoder.producedBytes === decoder.output.length);
  return leftBytes;
}
