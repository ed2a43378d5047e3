import { Allocator } from "../../src/ext4/allocator.ts";
import { DataWriter } from "../../src/ext4/data-writer.ts";
import { writeTree } from "../../src/ext4/format.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { Merge } from "../../src/layer/merge.ts";
import { EntryPacker } from "../../src/layer/entry-packer.ts";
import { LayerEntries } from "../../src/layer/layer-entries.ts";
import { LayerUnpacker } from "../../src/layer/unpack.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MiB } from "../../src/lib/units.ts";
import { IDENTITY } from "./ext4-image.ts";
import { plainOutbox } from "../../src/system/outbox.ts";

export interface StackedLayer {
  readonly bytes: Uint8Array;
  /** Default: an uncompressed tar. */
  readonly mediaType?: string;
  /** Default: the real diff id. */
  readonly diffId?: string;
}

const TAR = "application/vnd.oci.image.layer.v1.tar";

/** Writes layers, lowest first, as a file system, like an upgrade but in this thread. */
export function writeStack(
  target: BlockFile,
  layers: readonly StackedLayer[],
  chunkBytes: number = MiB,
): void {
  const geometry = planGeometry(target.sizeBytes);
  const allocator = Allocator.create(geometry);
  const data = new DataWriter(plainOutbox(target), allocator);
  const merge = new Merge();
  for (const [index, layer] of layers.entries()) {
    const label = `layer ${index + 1} of ${layers.length}`;
    merge.apply(unpack(layer, label, { data, chunkBytes }), label);
  }
  data.finish();
  const image = { geometry, allocator, root: merge.root, identity: IDENTITY };
  target.write(0, writeTree(target, image).superblock);
}

function unpack(
  { bytes, mediaType = TAR, diffId = digestOf(bytes) }: StackedLayer,
  label: string,
  { data, chunkBytes }: { readonly data: DataWriter; readonly chunkBytes: number },
): LayerEntries {
  const packer = new EntryPacker();
  const input = { label, mediaType, diffId, outputBytesMax: 64 * MiB };
  const unpacker = new LayerUnpacker(input, {
    sink: data,
    onEntry: (entry) => packer.add(entry),
    onWarning() {},
  });
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    // A copy that is overwritten afterwards, so that a kept reference is noticed.
    const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
    unpacker.write(chunk);
    chunk.fill(0xee);
  }
  unpacker.end();
  return new LayerEntries(packer.finish());
}
