import { BLOCK_BYTES } from "../disk/chunk.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { EntryPacker } from "../layer/entry-packer.ts";
import { LayerEntries } from "../layer/layer-entries.ts";
import type { Talk } from "../lib/talk.ts";
import { formatBytes } from "../lib/units.ts";
import type { TreeSource, TreeSummary } from "../source/source.ts";
import { directOutbox } from "../system/direct-outbox.ts";
import type { Content, UnpackJob, UnpackPlace } from "./content.ts";

/** The tree of a directory, to be written. Reads all of it once, since nothing else says what it is. */
export async function treeContent(
  source: TreeSource,
  { talk, signal }: { readonly talk: Talk; readonly signal: AbortSignal },
): Promise<Content> {
  const { name } = source;
  const onProgress = (doneBytes: number): void =>
    talk.progress({ step: `Reading ${name} to know what it is: ${formatBytes(doneBytes)}` });
  onProgress(0);
  const summary = await source.scan({ signal, onProgress });
  const { digest, timeSeconds, dataBytes, marks, warnings } = summary;
  for (const warning of warnings) talk.warn(warning);
  return {
    name,
    digest,
    timeSeconds,
    needBytes: dataBytes,
    // The last block of a file is rarely full.
    likelyBytes: dataBytes + marks.length * BLOCK_BYTES,
    needs: "its data",
    amount: `${marks.length} files and directories, ${formatBytes(dataBytes)} to copy`,
    parts: 1,
    unpack: (job, place) => unpack(source, summary, { ...job, ...place }),
  };
}

/** Copies in this thread: reading a directory is one sequence of small steps. */
async function unpack(
  source: TreeSource,
  summary: TreeSummary,
  { target, talk, signal, allocator, merge }: UnpackJob & UnpackPlace,
): Promise<WrittenRange[]> {
  const totalBytes = summary.dataBytes;
  const onProgress = (doneBytes: number): void =>
    talk.progress({ step: "Copying", doneBytes, totalBytes });
  const packer = new EntryPacker(() => false);
  const sink = new DataWriter(directOutbox(target.block), allocator);
  try {
    await source.read(summary, { sink, onEntry: (entry) => packer.add(entry), onProgress, signal });
    const ranges = sink.finish();
    merge.apply(new LayerEntries(packer.finish()), source.name);
    return ranges;
  } finally {
    sink.close();
  }
}
