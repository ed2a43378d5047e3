import { MiB } from "../lib/units.ts";
import type { BlockFile } from "../system/block-file.ts";

/** What a file is made from, or what is in it. */
export interface Content {
  readonly sizeBytes: number;
  /** The bytes in order; each chunk is only valid until the next is asked for. */
  read(): Iterable<Uint8Array>;
}

/** A piece of a file that lies in one place. */
export interface Place {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const BUFFER_BYTES = MiB;

/** All the places in order, from the medium and not from the page cache. */
export function* readPlaces(file: BlockFile, places: readonly Place[]): Generator<Uint8Array> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (const { offsetBytes, sizeBytes } of places)
    for (let done = 0; done < sizeBytes; done += BUFFER_BYTES) {
      const chunk = buffer.subarray(0, Math.min(BUFFER_BYTES, sizeBytes - done));
      file.dropCache(offsetBytes + done, chunk.byteLength);
      file.readInto(offsetBytes + done, chunk);
      yield chunk;
    }
}

/** Fills the places and returns the SHA-256 of it, or how many bytes the content had when those were not as many as it said. */
export function writePlaces(
  file: BlockFile,
  content: Content,
  places: readonly Place[],
): { readonly sha256: string } | { readonly sizeBytes: number } {
  const hasher = new Bun.CryptoHasher("sha256");
  const pen = penOver(file, places);
  let sizeBytes = 0;
  for (const chunk of content.read()) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > content.sizeBytes) return { sizeBytes };
    hasher.update(chunk);
    pen(chunk);
  }
  return sizeBytes === content.sizeBytes ? { sha256: hasher.digest("hex") } : { sizeBytes };
}

/** Writes each chunk behind the one before. */
function penOver(file: BlockFile, places: readonly Place[]): (chunk: Uint8Array) => void {
  let [index, at] = [0, 0];
  return (chunk) => {
    for (let done = 0; done < chunk.byteLength;) {
      const place = places[index] ?? { offsetBytes: 0, sizeBytes: 0 };
      const piece = chunk.subarray(done, done + place.sizeBytes - at);
      file.write(place.offsetBytes + at, piece);
      done += piece.byteLength;
      at += piece.byteLength;
      if (at === place.sizeBytes) [index, at] = [index + 1, 0];
    }
  };
}
