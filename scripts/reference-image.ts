/**
 * Makes the images that benchmarks are run with, under dist/reference, unless they are there already:
 *
 *     bun scripts/reference-image.ts [--shape system|small|large] [--layers N] [--compression gzip|zstd]
 *
 * "system" is the reference image: an operating system of Debian packages. Its sizes follow what apt offers, so they are measured.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { type Image, type LayerSource, writeImage } from "../test/peers/image.ts";
import type { TarMember } from "../test/peers/tar.ts";
import { largeFileLayers, smallFileLayers } from "./bench/filler-layers.ts";
import { systemLayers } from "./bench/system-layers.ts";

const FOLDER = "dist/reference";
const DESCRIPTION = "description.json";
const TAG = "latest";

const SHAPES = ["system", "small", "large"] as const;
const COMPRESSIONS = ["gzip", "zstd"] as const;

export interface ImageShape {
  readonly shape: (typeof SHAPES)[number];
  readonly layers: number;
  readonly compression: (typeof COMPRESSIONS)[number];
}

export interface ReferenceImage extends ImageShape {
  readonly image: Image;
  readonly tarBytes: number;
  readonly blobBytes: number;
}

/** The reference image of the budgets. */
export const REFERENCE: ImageShape = { shape: "system", layers: 4, compression: "gzip" };

/** Makes the image, or finds the one made before. */
export async function referenceImage(shape: ImageShape): Promise<ReferenceImage> {
  const layout = join(FOLDER, `${shape.shape}-${shape.layers}-${shape.compression}`);
  const description = Bun.file(join(layout, DESCRIPTION));
  if (await description.exists()) return (await description.json()) as ReferenceImage;
  await rm(layout, { recursive: true, force: true });
  const partial = `${layout}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const layers = (await layerTars(shape)).map((tar): LayerSource => ({
    tar,
    compression: shape.compression,
  }));
  const image = { ...(await writeImage(partial, { layers, tag: TAG })), layout };
  const made: ReferenceImage = {
    ...shape,
    image,
    tarBytes: sum(image.layers.map(({ tarBytes }) => tarBytes)),
    blobBytes: sum(image.layers.map(({ size }) => size)),
  };
  await Bun.write(join(partial, DESCRIPTION), JSON.stringify(made, undefined, 2));
  await rename(partial, layout);
  return made;
}

async function layerTars({
  shape,
  layers,
}: ImageShape): Promise<(readonly TarMember[] | AsyncIterable<Uint8Array>)[]> {
  switch (shape) {
    case "system":
      return systemLayers(join(FOLDER, "packages"), layers);
    case "small":
      return smallFileLayers(layers);
    case "large":
      return largeFileLayers(layers);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function oneOf<T extends string>(values: readonly T[], text: string): T {
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) throw new Error(`Cannot use "${text}": want ${values.join(" or ")}`);
  return value;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      shape: { type: "string", default: REFERENCE.shape },
      layers: { type: "string", default: `${REFERENCE.layers}` },
      compression: { type: "string", default: REFERENCE.compression },
    },
  });
  const made = await referenceImage({
    shape: oneOf(SHAPES, values.shape),
    layers: Number(values.layers),
    compression: oneOf(COMPRESSIONS, values.compression),
  });
  console.log(JSON.stringify(made, undefined, 2));
}
