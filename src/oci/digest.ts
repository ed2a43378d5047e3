import { TandemError } from "../lib/error.ts";

/** "sha256:" or "sha512:" and the lower-case hex of the hash. Safe in URLs and file names. */
export type Digest = string & { readonly digest: unique symbol };

const GRAMMAR = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** The only way from text to a Digest. Throws "content". */
export function parseDigest(text: string): Digest {
  if (!isDigest(text))
    throw new TandemError(
      "content",
      `Cannot use digest "${text}": want sha256 and 64, or sha512 and 128 lower-case hex digits`,
    );
  return text;
}

export function isDigest(text: string): text is Digest {
  return GRAMMAR.test(text);
}

/** Hashes `bytes` with the algorithm of `like`, by default SHA-256. */
export function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  const hash = new DigestHash(like);
  hash.update(bytes);
  return hash.digest();
}

/** Computes the digest of a stream. */
export class DigestHash {
  readonly #algorithm: "sha256" | "sha512";
  readonly #hasher: Bun.CryptoHasher;

  constructor(like?: Digest) {
    this.#algorithm = like?.startsWith("sha512:") === true ? "sha512" : "sha256";
    this.#hasher = new Bun.CryptoHasher(this.#algorithm);
  }

  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  digest(): Digest {
    return parseDigest(`${this.#algorithm}:${this.#hasher.digest("hex")}`);
  }
}
