/** Makes bytes that look like the data of files. Equal names give equal bytes. */
import { createCipheriv, createHash } from "node:crypto";

/** Returns bytes that do not compress, like those of an initrd. */
export function randomBytes(name: string, sizeBytes: number): Uint8Array {
  const key = createHash("sha256").update(name).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  return cipher.update(new Uint8Array(sizeBytes));
}

const RECORD_BYTES = 4096;
/** gzip compresses programs and text to a good third. */
const RANDOM_BYTES = 1450;

/** Returns bytes that gzip compresses to about 37 %: each record has noise, then a repeated line. */
export function compressibleBytes(name: string, sizeBytes: number): Uint8Array {
  const bytes = Buffer.alloc(sizeBytes, `${name}: the quick brown fox jumps over the lazy dog\n`);
  const noise = randomBytes(name, Math.ceil((sizeBytes / RECORD_BYTES) * RANDOM_BYTES));
  for (let record = 0; record * RECORD_BYTES < sizeBytes; record += 1)
    bytes.set(
      noise
        .subarray(record * RANDOM_BYTES, (record + 1) * RANDOM_BYTES)
        .subarray(0, sizeBytes - record * RECORD_BYTES),
      record * RECORD_BYTES,
    );
  return bytes;
}
