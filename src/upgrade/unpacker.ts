import type { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import type { Entry } from "../layer/entry.ts";
import { type LayerInput, LayerUnpacker } from "../layer/unpack.ts";
import type { BlockFile } from "../system/block-file.ts";

/** Takes layers one after the other: their data goes to the target, their entries come back. */
export interface Unpacker {
  /** Ends normally only when the whole blob was taken and its diff id was right. */
  unpack(layer: LayerInput, blob: AsyncIterable<Uint8Array>): Promise<Entry[]>;
  /** Writes out what is still held and tells all that was written. */
  finish(): Promise<WrittenRange[]>;
  close(): void;
}

/** Unpacks in this thread, through the BlockFile itself: for tests that watch every write. */
export function unpackHere(
  target: BlockFile,
  allocator: Allocator,
  onWarning: (text: string) => void,
): Unpacker {
  const writer = new DataWriter(target, allocator);
  return {
    async unpack(layer, blob) {
      const entries: Entry[] = [];
      const unpacker = new LayerUnpacker(
        layer,
        writer,
        (batch) => entries.push(...batch),
        onWarning,
      );
      for await (const chunk of blob) unpacker.write(chunk);
      unpacker.end();
      return entries;
    },
    finish: () => Promise.resolve(writer.finish()),
    close() {},
  };
}
