import { TandemError } from "../lib/error.ts";
import { DigestHash, digestOf, type Digest } from "./digest.ts";

/** What a blob must be. */
export interface Expected {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/**
 * Passes the bytes through and throws "content" before the end when they are not what was expected. `from` names where they come
 * from and is asked when it is known.
 */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  want: Expected,
  from: () => string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = new DigestHash(want.digest);
  let gotBytes = 0;
  for await (const chunk of bytes) {
    gotBytes += chunk.byteLength;
    if (gotBytes > want.sizeBytes) throw refused(want, from(), `got more`);
    hash.update(chunk);
    yield chunk;
  }
  if (gotBytes !== want.sizeBytes) throw refused(want, from(), `got ${gotBytes}`);
  const got = hash.digest();
  if (got !== want.digest) throw refused(want, from(), `they hash to ${got}`);
}

/** The same for bytes that are held whole. */
export function verifyWhole(bytes: Uint8Array, want: Expected, from: () => string): Uint8Array {
  if (bytes.byteLength !== want.sizeBytes) throw refused(want, from(), `got ${bytes.byteLength}`);
  const got = digestOf(bytes, want.digest);
  if (got !== want.digest) throw refused(want, from(), `they hash to ${got}`);
  return bytes;
}

function refused({ digest, sizeBytes }: Expected, from: string, why: string): TandemError {
  return new TandemError(
    "content",
    `Cannot accept ${digest} from ${from}: want its ${sizeBytes} bytes, ${why}`,
  );
}
