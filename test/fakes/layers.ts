import { digestOf } from "../../src/oci/digest.ts";
import type { Image } from "../../src/oci/manifest.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { tar, type TarMember } from "../peers/tar.ts";

export interface MemoryLayers extends LayeredSource {
  readonly digest: string;
  readonly resolved: Image;
  readonly blobs: readonly Uint8Array[];
}

/** An image of uncompressed layers in memory, lowest first. */
export function memoryLayers(layers: readonly (readonly TarMember[])[]): MemoryLayers {
  const blobs = layers.map((members) => tar(members));
  const digest = digestOf(Buffer.concat(blobs));
  const resolved: Image = {
    digest,
    architecture: "amd64",
    os: "linux",
    labels: {},
    layers: blobs.map((bytes) => ({
      digest: digestOf(bytes),
      diffId: digestOf(bytes),
      sizeBytes: bytes.byteLength,
      mediaType: "application/vnd.oci.image.layer.v1.tar",
    })),
    documents: [],
  };
  return {
    kind: "layers",
    name: "memory:layers",
    recipe: undefined,
    digest,
    resolved,
    blobs,
    image: () => Promise.resolve(resolved),
    async *blob(layer) {
      const index = resolved.layers.findIndex((one) => one.digest === layer.digest);
      // A copy, because the consumer may transfer the memory of a chunk to another thread.
      yield new Uint8Array(blobs[index] ?? new Uint8Array(0));
      await Promise.resolve();
    },
    close() {},
  };
}
