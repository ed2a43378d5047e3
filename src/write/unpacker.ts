import type { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import { EntryPacker } from "../layer/entry-packer.ts";
import { LayerEntries } from "../layer/layer-entries.ts";
import { type LayerInput, type LayerOutput, LayerUnpacker } from "../layer/unpack.ts";
import type { BlobName, LayeredSource } from "../source/source.ts";
import type { BlockFile } from "../system/block-file.ts";
import { directOutbox } from "../system/direct-outbox.ts";

/** One layer to unpack, its blob, and callbacks. */
export interface UnpackTask {
  readonly layer: LayerInput;
  /** A blob of the unpacker's source. */
  readonly blob: BlobName;
  readonly signal: AbortSignal;
  /** Called with the count of new bytes of the blob. */
  readonly onFetched: (bytes: number) => void;
  readonly onWarning: (text: string) => void;
}

/**
 * Unpacks layers one after another: writes their data to the target and returns their entries. Calls are queued. After
 * a failure all queued calls fail too.
 */
export interface Unpacker {
  /** Unpacks a layer. Resolves only when the whole blob has arrived and its digest and diff id are correct. */
  unpack(task: UnpackTask): Promise<LayerEntries>;
  /** Writes buffered data and returns all written ranges. Do not call unpack() afterwards. */
  finish(): Promise<WrittenRange[]>;
  /** Stops. After it has resolved nothing is written to the target any more. */
  close(): Promise<void>;
}

/** The source and the target of unpackHere(). */
export interface UnpackHereOptions {
  readonly source: LayeredSource;
  readonly target: BlockFile;
  readonly allocator: Allocator;
}

/**
 * Unpacks in this thread, for targets that another thread cannot open: tests that record every write. It writes in the
 * same way as a worker.
 */
export function unpackHere({ source, target, allocator }: UnpackHereOptions): Unpacker {
  const writer = new DataWriter(directOutbox(target), allocator);
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
    finish: () => inTurn(() => writer.finish()),
    async close() {
      await last.catch(() => {});
      writer.close();
    },
  };
}

/** Reads `blob` to its end and unpacks it. The entries are valid only after this has resolved. */
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
