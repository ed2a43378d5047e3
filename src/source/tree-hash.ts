import { BLOCK_BYTES } from "../disk/chunk.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import type { Entry } from "../tar/entry.ts";

/** A hash of the data of one file. Blocks of zeros count as holes, so a copy without the holes has the same hash. */
export class DataHash {
  readonly #hash = new Bun.CryptoHasher("sha256");
  /** Where each run of data begins and ends. */
  readonly #runs: number[] = [];

  /** `offsetBytes` is the begin of a block, and goes up. */
  update(offsetBytes: number, bytes: Uint8Array): void {
    const size = bytes.byteLength;
    for (let start = 0; start < size;) {
      const from = start;
      while (start < size && !isZero(bytes, start)) start += BLOCK_BYTES;
      const end = Math.min(start, size);
      if (end > from) this.#add(offsetBytes + from, bytes.subarray(from, end));
      while (start < size && isZero(bytes, start)) start += BLOCK_BYTES;
    }
  }

  digest(): string {
    return `${this.#runs.join(" ")}:${this.#hash.digest("hex")}`;
  }

  #add(offsetBytes: number, bytes: Uint8Array): void {
    this.#hash.update(bytes);
    const endBytes = offsetBytes + bytes.byteLength;
    if (this.#runs.at(-1) === offsetBytes) this.#runs[this.#runs.length - 1] = endBytes;
    else this.#runs.push(offsetBytes, endBytes);
  }
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

function isZero(bytes: Uint8Array, start: number): boolean {
  if (bytes[start] !== 0) return false;
  const end = Math.min(start + BLOCK_BYTES, bytes.byteLength);
  return ZEROS.compare(bytes, start, end, 0, end - start) === 0;
}

/**
 * The tree digest: SHA-256 over all entries of a tree, in the order of the walk. Each has all that is written of it:
 * path, kind, mode, owners, time, extended attributes, target or device, and for a file its size and its data.
 */
export class TreeHash {
  readonly #hash = new Bun.CryptoHasher("sha256");

  /** Adds an entry. `data` is the hash of a regular file's data. Returns the mark of this entry. */
  add(entry: Entry, data: string | undefined): number {
    const digest = new Bun.CryptoHasher("sha256").update(textOf(entry, data)).digest();
    this.#hash.update(digest);
    return digest.readUIntBE(0, MARK_BYTES);
  }

  digest(): Digest {
    return parseDigest(`sha256:${this.#hash.digest("hex")}`);
  }
}

/** Enough of an entry's hash to find the entry that has changed. */
const MARK_BYTES = 6;

function textOf(entry: Entry, data: string | undefined): string {
  const { path, kind, mode, uid, gid, mtime, xattrs } = entry;
  const attributes = xattrs.map(({ name, value }) => [name, value]);
  const fields = [path, kind, mode, uid, gid, mtime.seconds, mtime.nanoseconds, attributes];
  return JSON.stringify([...fields, ...kindFields(entry), data ?? ""]);
}

function kindFields(entry: Entry): readonly (string | number)[] {
  switch (entry.kind) {
    case "file":
      return [entry.sizeBytes];
    case "symlink":
    case "hardlink":
      return [entry.target];
    case "character":
    case "block":
      return [entry.major, entry.minor];
    case "directory":
    case "fifo":
      return [];
  }
}
