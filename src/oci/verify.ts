import { TandemError } from "../lib/error.ts";
import { DigestHash, digestOf, type Digest } from "./digest.ts";

/** The digest and size that a blob must have. */
export interface Expected {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/**
 * Passes the bytes on, and throws "content" before the end when size or digest are wrong. `from` names the origin for the
 * message, and is called only then.
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

/** Checks bytes that are in memory as a whole. */
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
