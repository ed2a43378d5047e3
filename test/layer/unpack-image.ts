import type { Entry } from "../../src/tar/entry.ts";
import { Merge } from "../../src/layer/merge.ts";
import { LayerUnpacker } from "../../src/layer/unpack.ts";
import { layerEntries } from "../fakes/layer-entries.ts";
import { MemorySink } from "../fakes/memory-sink.ts";
import { type View, viewOfTree } from "../fixtures/view.ts";

export const TAR = "application/vnd.oci.image.layer.v1.tar";

export interface Unpacking {
  /** Default: "layer 1 of 1". */
  readonly label?: string;
  readonly chunkBytes?: number;
  readonly mediaType?: string;
  readonly diffId?: string;
  readonly outputBytesMax?: number;
  readonly sink?: MemorySink;
}

export interface Unpacked {
  readonly entries: Entry[];
  readonly warnings: string[];
  readonly sink: MemorySink;
}

/** Unpacks one layer in chunks. Each chunk is overwritten after the call, so that a kept reference is noticed. */
export function unpackLayer(bytes: Uint8Array, unpacking: Unpacking = {}): Unpacked {
  const { sink = new MemorySink(), chunkBytes = 1 << 20 } = unpacking;
  const entries: Entry[] = [];
  const warnings: string[] = [];
  const input = {
    label: unpacking.label ?? "layer 1 of 1",
    mediaType: unpacking.mediaType ?? TAR,
    diffId: unpacking.diffId ?? diffIdOf(bytes),
    outputBytesMax: unpacking.outputBytesMax ?? 64 << 20,
  };
  const unpacker = new LayerUnpacker(input, {
    sink,
    onEntry: (entry) => entries.push(entry),
    onWarning: (text) => warnings.push(text),
  });
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
    unpacker.write(chunk);
    chunk.fill(0xee);
  }
  unpacker.end();
  return { entries, warnings, sink };
}

export function diffIdOf(bytes: Uint8Array): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}

/** Merges layers into a tree. */
export function unpackImage(layers: readonly (Unpacking & { bytes: Uint8Array })[]): View {
  const merge = new Merge();
  const sink = new MemorySink();
  for (const [index, { bytes, ...unpacking }] of layers.entries()) {
    const label = `layer ${index + 1} of ${layers.length}`;
    const { entries } = unpackLayer(bytes, { ...unpacking, label, sink });
    merge.apply(layerEntries(entries), label);
  }
  return viewOfTree(merge.root, (sizeBytes, extents) => sink.contentOf(sizeBytes, extents));
}
