/** The measurements besides the reference image: other shapes, another compression, slower networks. */
import { type ImageShape, REFERENCE } from "../reference-image.ts";

const MB = 1e6;

export interface Case {
  readonly name: string;
  readonly image: ImageShape;
  /** The network between the registry and the programs. Default: loopback without a limit. */
  readonly bytesPerSecond?: number;
}

const CASES: readonly Case[] = [
  { name: "1 layer", image: { ...REFERENCE, layers: 1 } },
  { name: "20 layers", image: { ...REFERENCE, layers: 20 } },
  { name: "zstd", image: { ...REFERENCE, compression: "zstd" } },
  { name: "100,000 files of 1 KiB", image: { ...REFERENCE, shape: "small" } },
  { name: "network of 10 MB/s", image: REFERENCE, bytesPerSecond: 10 * MB },
  { name: "network of 100 MB/s", image: REFERENCE, bytesPerSecond: 100 * MB },
];

/** Making this image takes minutes, and so does unpacking it by the peer. */
const LARGE: Case = { name: "4 GiB in 16 files", image: { ...REFERENCE, shape: "large" } };

export function casesOf({ all }: { readonly all: boolean }): readonly Case[] {
  return all ? [...CASES, LARGE] : CASES;
}
