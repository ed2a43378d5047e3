import { setTimeout as delay } from "node:timers/promises";
import { hashRoot } from "../disk/hash-root.ts";
import { readBack, type ReadBackOptions } from "../disk/read-back.ts";
import { rangesOf, type Run } from "../disk/run.ts";
import { usedRuns } from "../ext4/used-runs.ts";
import { rangeOf, type WrittenRange } from "../ext4/written-range.ts";
import { TandemError } from "../lib/error.ts";
import { type BlockFile, readBlock } from "../system/block-file.ts";

/** After so many MiB signals and timers get their turn. */
const TURN_RANGES = 16;

/** All that a file system holds, and the hash over it. */
export interface Rehashed {
  readonly hashRoot: string;
  readonly runs: readonly Run[];
}

/**
 * Flushes a file system that the kernel has written to, and reads all of it twice: through the page cache, which may
 * still have what was written, and then from the medium. It must not be mounted. Throws "disk" when the two differ or
 * when writing it has failed, "content" when the file system is damaged, and "interrupted".
 */
export async function rehash(block: BlockFile, options: ReadBackOptions = {}): Promise<Rehashed> {
  await block.flush();
  const runs = usedRuns(block);
  const cached = await readCached(block, runs, options.signal);
  return { hashRoot: hashRoot(await readBack(block, cached, options)), runs };
}

/** Reads through the page cache. */
async function readCached(
  block: BlockFile,
  runs: readonly Run[],
  signal: AbortSignal | undefined,
): Promise<WrittenRange[]> {
  const cached: WrittenRange[] = [];
  for (const { offsetBytes, sizeBytes } of rangesOf(runs)) {
    cached.push(rangeOf(offsetBytes, readBlock(block, offsetBytes, sizeBytes)));
    if (cached.length % TURN_RANGES === 0) await delay(0);
    if (signal?.aborted === true)
      throw new TandemError("interrupted", `Cannot read back ${block.name}: interrupted`);
  }
  return cached;
}
