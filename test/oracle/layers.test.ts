/**
 * Writes the layer fixtures as file systems. e2fsck accepts them, and the kernel shows the trees that the fixtures
 * expect.
 */
import { afterAll, expect, test } from "bun:test";
import { lstatSync } from "node:fs";

import { MiB } from "../../src/lib/units.ts";
import { writeStack } from "../fakes/layer-stack.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { compareTree, type LayerCase, layerCases } from "../fixtures/layers.ts";
import { beginningOf, ruleOf } from "../fixtures/refusals.ts";
import { viewOfFolder } from "../fixtures/view.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const SIZE_BYTES = 8 * MiB;
const folder = await temporaryFolder();
afterAll(() => folder[Symbol.asyncDispose]());

function written(one: LayerCase, chunkBytes: number): PagedImage {
  const image = PagedImage.zeros(SIZE_BYTES);
  const layers = one.layers.map((layer) => ({ ...layer, mediaType: one.mediaType }));
  writeStack(image.file(), layers, chunkBytes);
  return image;
}

test.each(layerCases.filter(({ tree }) => tree !== undefined))("$id", async (one) => {
  const bytes = written(one, MiB).bytes();
  for (const chunkBytes of [1, 511])
    expect(Buffer.compare(written(one, chunkBytes).bytes(), bytes)).toBe(0);
  const path = folder.in(one.id);
  await Bun.write(path, bytes);
  expect(await complaints(path)).toEqual([]);
  await using mount = await loopMount(path);
  expect(compareTree(one.tree ?? {}, viewOfFolder(mount.path))).toEqual([]);
  // Holes are preserved.
  if (one.id.includes("sparse"))
    for (const name of Object.keys(one.tree ?? {}).filter((each) => each.startsWith("s")))
      expect(lstatSync(`${mount.path}/${name}`).blocks).toBeLessThanOrEqual(16);
});

test.each(layerCases.filter(({ tree }) => tree === undefined))(
  "$id is refused and leaves no file system",
  (one) => {
    for (const chunkBytes of [1, 511, MiB]) {
      const image = PagedImage.zeros(SIZE_BYTES);
      const layers = one.layers.map((layer) => ({ ...layer, mediaType: one.mediaType }));
      const write = (): void => writeStack(image.file(), layers, chunkBytes);
      expect(write).toThrow(beginningOf(one));
      expect(write).toThrow(ruleOf(one));
      expect(image.bytes().subarray(0, 4096)).toEqual(new Uint8Array(4096));
    }
  },
);
