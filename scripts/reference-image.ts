/**
 * Makes the images for benchmarks in dist/reference, if they do not exist:
 *
 *     bun scripts/reference-image.ts [--shape system|small|large] [--layers N] [--compression gzip|zstd]
 *
 * "system" is the reference image: an operating system of Debian packages. Its sizes depend on the package versions, so they are measured.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { type Image, type LayerSource, writeImage } from "../test/peers/image.ts";
import { largeFileLayers, smallFileLayers } from "./bench/filler-layers.ts";
import { contentOf, type LayerContent } from "./bench/layer-content.ts";
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
  /** The number of regular files in all layers, with those that later layers replace. */
  readonly files: number;
  /** Their data in whole blocks of 4 KiB: the least that a file system needs. */
  readonly dataBytes: number;
  readonly tarBytes: number;
  readonly blobBytes: number;
}

/** The reference image of the budgets. */
export const REFERENCE: ImageShape = { shape: "system", layers: 4, compression: "gzip" };

/** Makes the image, or returns the one of an earlier run. */
export async function referenceImage(shape: ImageShape): Promise<ReferenceImage> {
  const layout = join(FOLDER, `${shape.shape}-${shape.layers}-${shape.compression}`);
  const description = Bun.file(join(layout, DESCRIPTION));
  if (await description.exists()) return (await description.json()) as ReferenceImage;
  await rm(layout, { recursive: true, force: true });
  const partial = `${layout}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const contents = await layerContents(shape);
  const layers = contents.map(({ tar }): LayerSource => ({ tar, compression: shape.compression }));
  const image = { ...(await writeImage(partial, { layers, tag: TAG })), layout };
  const made: ReferenceImage = {
    ...shape,
    image,
    files: sum(contents.map(({ files }) => files)),
    dataBytes: sum(contents.map(({ dataBytes }) => dataBytes)),
    tarBytes: sum(image.layers.map(({ tarBytes }) => tarBytes)),
    blobBytes: sum(image.layers.map(({ size }) => size)),
  };
  await Bun.write(join(partial, DESCRIPTION), JSON.stringify(made, undefined, 2));
  await rename(partial, layout);
  return made;
}

async function layerContents({ shape, layers }: ImageShape): Promise<LayerContent[]> {
  switch (shape) {
    case "system":
      return (await systemLayers(join(FOLDER, "packages"), layers)).map(contentOf);
    case "small":
      return smallFileLayers(layers);
    case "large":
      return largeFileLayers(layers);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Parses and checks the flags. */
export function shapeOf(flags: Readonly<Record<keyof ImageShape, string>>): ImageShape {
  const layers = Number(flags.layers);
  if (!Number.isInteger(layers) || layers < 1)
    throw new Error(`Cannot make ${flags.layers} layers`);
  return {
    shape: oneOf(SHAPES, flags.shape),
    layers,
    compression: oneOf(COMPRESSIONS, flags.compression),
  };
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
  console.log(JSON.stringify(await referenceImage(shapeOf(values)), undefined, 2));
}
