import { setImmediate } from "node:timers/promises";

import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { Digest } from "../oci/digest.ts";
import { DOCUMENT_BYTES_MAX } from "../oci/manifest.ts";
import { verified, type Expected } from "../oci/verify.ts";
import type { RandomFile } from "../system/files.ts";

/** The files of an OCI image layout, in a directory or in an archive. */
export interface LayoutFiles {
  /** The name in messages. */
  readonly name: string;
  /** `path` is relative and clean: "index.json", "blobs/sha256/…". Undefined when there is no such regular file. */
  open(path: string): RandomFile | undefined;
  close(): void;
}

/** Large enough for few reads. Small enough that a read, which blocks the thread, is short. */
const CHUNK_BYTES = 256 * KiB;

/** Reads a small file. Undefined when it does not exist. Throws "content" when it is too large. */
export function readSmall(layout: LayoutFiles, path: string): Uint8Array | undefined {
  const file = layout.open(path);
  if (file === undefined) return undefined;
  try {
    if (file.sizeBytes > DOCUMENT_BYTES_MAX)
      throw new TandemError(
        "content",
        `Cannot read ${path} of ${layout.name}: it has ${file.sizeBytes} bytes, want at most ${DOCUMENT_BYTES_MAX}`,
      );
    const bytes = new Uint8Array(file.sizeBytes);
    file.readInto(0, bytes);
    return bytes;
  } finally {
    file.close();
  }
}

export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** Yields the bytes of a blob and verifies them. Throws "content" when the blob is missing or wrong. */
export function readBlob(
  layout: LayoutFiles,
  want: Expected,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  return verified(chunks(layout, want, signal), want, () => layout.name);
}

async function* chunks(
  layout: LayoutFiles,
  { digest, sizeBytes }: Expected,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = layout.open(blobPath(digest));
  if (file === undefined)
    throw new TandemError("content", `Cannot read ${digest} of ${layout.name}: it is missing`);
  try {
    if (file.sizeBytes !== sizeBytes)
      throw new TandemError(
        "content",
        `Cannot accept ${digest} of ${layout.name}: want ${sizeBytes} bytes, it has ${file.sizeBytes}`,
      );
    const memory = new Uint8Array(Math.min(CHUNK_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      signal?.throwIfAborted();
      const chunk = memory.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at));
      file.readInto(at, chunk);
      yield chunk;
      // A read blocks the thread: without a pause no signal and no timer runs before the end.
      await setImmediate();
    }
  } finally {
    file.close();
  }
}
