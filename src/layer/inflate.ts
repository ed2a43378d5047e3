import { Fault } from "../tar/fault.ts";
import { type Compression, compressionOf } from "./media-type.ts";
import { NativeDecoder } from "./native-decoder.ts";
import { ROOM_BYTES } from "./output-hash.ts";
import { ZstdFrames } from "./zstd-frames.ts";

export type Emit = (bytes: Uint8Array) => void;

/** Decompresses as chunks of any size come in. Everything happens during the call; what it emits is valid only during `emit`. */
export interface Inflater {
  write(chunk: Uint8Array, emit: Emit): void;
  /** Throws when the input is not complete. */
  end(emit: Emit): void;
}

const MAGIC_BYTES = 4;

/** Gives the memory for what is decompressed next. What lies there was emitted by the time it is asked again. */
export type Room = () => Uint8Array;

function ownRoom(): Room {
  const room = new Uint8Array(ROOM_BYTES);
  return () => room;
}

/** Goes by the first bytes, as container tools do, and warns when the media type says otherwise. */
export function createInflater(
  mediaType: string,
  onWarning: (text: string) => void,
  room: Room = ownRoom(),
): Inflater {
  const declared = compressionOf(mediaType);
  let head: Uint8Array = new Uint8Array(0);
  let inflater: Inflater | undefined;

  const start = (emit: Emit): Inflater => {
    const found = compressionIn(head);
    if (found !== declared && head.length > 0)
      onWarning(`its media type says compression ${declared}, its first bytes say ${found}`);
    const started = create(found, room);
    started.write(head, emit);
    return started;
  };
  return {
    write(chunk, emit) {
      if (inflater !== undefined) return inflater.write(chunk, emit);
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head.length >= MAGIC_BYTES) inflater = start(emit);
      else head = new Uint8Array(head); // The chunk is the caller's again after this call.
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
  // A frame, or a skippable one, with which zstd:chunked may begin.
  return magic === "28b52ffd" || /^5.2a4d18$/.test(magic) ? "zstd" : "none";
}

function create(compression: Compression, room: Room): Inflater {
  switch (compression) {
    case "none":
      return { write: (chunk, emit) => emit(chunk), end() {} };
    case "gzip":
      return new GzipInflater(room);
    case "zstd":
      return new ZstdInflater(room);
  }
}

/** One member or many. Zeros may follow the last one (tape blocks), other bytes not. */
class GzipInflater implements Inflater {
  readonly #decoder: NativeDecoder;
  #isPadding = false;

  constructor(room: Room) {
    this.#decoder = new NativeDecoder("gzip", room);
  }

  write(chunk: Uint8Array, emit: Emit): void {
    if (!this.#isPadding) {
      // The decoder leaves input only behind the end of a member, when no other begins there.
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

  constructor(room: Room) {
    this.#decoder = new NativeDecoder("zstd", room);
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

/** Decodes until the decoder has no more to give, and returns how much of `chunk` it has left. */
function decodeAll(decoder: NativeDecoder, chunk: Uint8Array, emit: Emit): number {
  let leftBytes = chunk.length;
  do {
    decoder.decode(chunk, leftBytes);
    leftBytes = decoder.leftBytes;
    if (decoder.producedBytes > 0) emit(decoder.output.subarray(0, decoder.producedBytes));
  } while (decoder.producedBytes === decoder.output.length);
  return leftBytes;
}
