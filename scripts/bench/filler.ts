/** Bytes that look like data: the same for the same name, without a file to take them from. */
import { createCipheriv, createHash } from "node:crypto";

/** `sizeBytes` bytes that nothing compresses, such as an initrd is. */
export function randomBytes(name: string, sizeBytes: number): Uint8Array {
  const key = createHash("sha256").update(name).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  return cipher.update(new Uint8Array(sizeBytes));
}

const RECORD_BYTES = 4096;
/** What gzip makes of programs and text is a good third of them. */
const RANDOM_BYTES = 1450;

/** `sizeBytes` bytes of which gzip leaves about 37 %: in every record some noise, then a line repeated. */
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
