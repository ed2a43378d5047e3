import type { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { EntryPacker } from "../layer/entry-packer.ts";
import { LayerEntries } from "../layer/layer-entries.ts";
import { type LayerInput, type LayerOutput, LayerUnpacker } from "../layer/unpack.ts";
import type { BlobName, LayeredSource } from "../source/source.ts";
import type { BlockFile } from "../system/block-file.ts";
import { directOutbox } from "../system/direct-outbox.ts";

/** One layer, where its bytes come from, and who is told what on the way. */
export interface UnpackTask {
  readonly layer: LayerInput;
  /** A blob of the unpacker's source. */
  readonly blob: BlobName;
  readonly signal: AbortSignal;
  /** That many more bytes of the blob have come. */
  readonly onFetched: (bytes: number) => void;
  readonly onWarning: (text: string) => void;
}

/**
 * Takes layers one after the other: their data goes to the target, their entries come back. What is asked of it meanwhile waits for its
 * turn, and fails with the first that fails.
 */
export interface Unpacker {
  /** Ends normally only when the whole blob has come, and its digest and its diff id were right. */
  unpack(task: UnpackTask): Promise<LayerEntries>;
  /** Writes out what is still held and tells all that was written. Takes nothing after it. */
  finish(): Promise<WrittenRange[]>;
  /** Stops. Nothing is written to the target after this has resolved. */
  close(): Promise<void>;
}

/** What an unpacker works with. */
export interface Workplace {
  readonly source: LayeredSource;
  readonly target: BlockFile;
  readonly allocator: Allocator;
}

/** Unpacks in this thread, where no other can open the target: for tests that watch every write. It writes as a worker does. */
export function unpackHere({ source, target, allocator }: Workplace): Unpacker {
  const writer = new DataWriter(directOutbox(target), allocator);
  let isFinished = false;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn;
    return turn;
  };
  return {
    unpack: (task) =>
      inTurn(async () => {
        const packer = new EntryPacker();
        const { onWarning } = task;
        const output: LayerOutput = {
          sink: writer,
          onEntry: (entry) => packer.add(entry),
          onWarning,
        };
        await unpackLayer(source.blob(task.blob, { signal: task.signal }), task, output);
        return new LayerEntries(packer.finish());
      }),
    finish: () =>
      inTurn(() => {
        const ranges = writer.finish();
        isFinished = true;
        return ranges;
      }),
    async close() {
      await last.catch(() => {});
      // A worker that has finished closes while others go on, so nobody may rely on that for its writes.
      if (!isFinished) writer.close();
    },
  };
}

/** Reads `blob` to its end and unpacks what comes as it comes. The entries count only when this has ended normally. */
export async function unpackLayer(
  blob: AsyncIterable<Uint8Array>,
  { layer, signal, onFetched }: Pick<UnpackTask, "layer" | "signal" | "onFetched">,
  output: LayerOutput,
): Promise<void> {
  const unpacker = new LayerUnpacker(layer, output);
  for await (const chunk of blob) {
    signal.throwIfAborted();
    onFetched(chunk.byteLength);
    unpacker.write(chunk);
  }
  unpacker.end();
}
