/** Damages disks: flipped bits, zeroed, swapped and lost sectors, wrong values in a field. */
import { KiB } from "../../src/lib/units.ts";
import { PLACES } from "../fakes/whole-disk.ts";
import { Random } from "./random.ts";

const SECTOR_BYTES = 512;
const GPT_SECTORS = 34;

interface Range {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export const TARGETS = ["control", "gpt", "fat", "superblocks"] as const;
export type Target = (typeof TARGETS)[number];

/** The areas in which damage matters. */
const RANGES: Readonly<Record<Target, (diskBytes: number) => readonly Range[]>> = {
  // The records, the specs, and the JSON of both states.
  control: () =>
    [
      [0, KiB],
      [0x1000, KiB],
      [0x4000, 4 * KiB],
      [0x5000, 4 * KiB],
      [0x1_0000, 4 * KiB],
      [0x8_0000, 4 * KiB],
    ].map(([at = 0, sizeBytes = 0]) => ({
      offsetBytes: PLACES.control.offsetBytes + at,
      sizeBytes,
    })),
  gpt: (diskBytes) => [
    { offsetBytes: 0, sizeBytes: 8 * SECTOR_BYTES },
    { offsetBytes: diskBytes - GPT_SECTORS * SECTOR_BYTES, sizeBytes: 8 * SECTOR_BYTES },
    { offsetBytes: diskBytes - 2 * SECTOR_BYTES, sizeBytes: 2 * SECTOR_BYTES },
  ],
  // The boot sector, tables, root directory, and the first clusters, which hold the loader's files.
  fat: () => [
    { offsetBytes: PLACES.esp.offsetBytes, sizeBytes: 8 * SECTOR_BYTES },
    { offsetBytes: PLACES.esp.offsetBytes, sizeBytes: 64 * KiB },
  ],
  // The superblock, group descriptors, bitmaps, and the inodes of the first files.
  superblocks: () =>
    [PLACES.a, PLACES.b].flatMap(({ offsetBytes }) => [
      { offsetBytes: offsetBytes + KiB, sizeBytes: KiB },
      { offsetBytes: offsetBytes + 4 * KiB, sizeBytes: 32 * KiB },
    ]),
};

export interface Mutation {
  readonly target: Target;
  /** The number in the campaign. Together with the seed it reproduces the mutation. */
  readonly index: number;
}

export interface Damage {
  readonly what: string;
  /** The new end of the disk. */
  readonly bytes: Uint8Array;
  readonly truncated: boolean;
}

/** Damages a copy of the disk. */
export function mutate(disk: Uint8Array, { target, index }: Mutation): Damage {
  const random = new Random(`${target} ${index}`);
  const bytes = Uint8Array.from(disk);
  const draw = (): Range => random.from(RANGES[target](disk.byteLength));
  const kind = random.from(KINDS);
  const result = kind.change(bytes, draw(), { random, other: draw() });
  const end = result.endBytes ?? bytes.byteLength;
  return {
    what: `${target} ${index}: ${kind.name} ${result.where}`,
    bytes: bytes.subarray(0, end),
    truncated: end < bytes.byteLength,
  };
}

interface Kind {
  readonly name: string;
  readonly change: (
    bytes: Uint8Array,
    range: Range,
    by: { readonly random: Random; readonly other: Range },
  ) => { readonly where: string; readonly endBytes?: number };
}

const FIELD_BYTES = [1, 2, 4, 8, 16] as const;
const BITS_MAX = 8;

const KINDS: readonly Kind[] = [
  {
    name: "flip bits at",
    change(bytes, range, { random }) {
      const places = Array.from({ length: 1 + random.below(BITS_MAX) }, () => {
        const at = range.offsetBytes + random.below(range.sizeBytes);
        const bit = random.below(8);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        return `${at}.${bit}`;
      });
      return { where: places.join(" ") };
    },
  },
  {
    name: "zero sectors at",
    change(bytes, range, { random }) {
      const at = sectorIn(range, random);
      const count = 1 + random.below(8);
      bytes.fill(0, at, at + count * SECTOR_BYTES);
      return { where: `${at}, ${count} of them` };
    },
  },
  {
    name: "swap sectors",
    change(bytes, range, { random, other }) {
      const [one, two] = [sectorIn(range, random), sectorIn(other, random)];
      const kept = bytes.slice(one, one + SECTOR_BYTES);
      bytes.copyWithin(one, two, two + SECTOR_BYTES);
      bytes.set(kept, two);
      return { where: `${one} and ${two}` };
    },
  },
  {
    name: "put into the place of a sector another one:",
    change(bytes, range, { random, other }) {
      const [to, from] = [sectorIn(range, random), sectorIn(other, random)];
      bytes.copyWithin(to, from, from + SECTOR_BYTES);
      return { where: `${from} to ${to}` };
    },
  },
  {
    name: "nonsense in a field at",
    change(bytes, range, { random }) {
      const sizeBytes = random.from(FIELD_BYTES);
      const at = range.offsetBytes + random.below(range.sizeBytes - sizeBytes);
      const draw = random.from([
        () => random.bytes(sizeBytes),
        () => new Uint8Array(sizeBytes),
        () => new Uint8Array(sizeBytes).fill(0xff),
      ]);
      bytes.set(draw(), at);
      return { where: `${at}, ${sizeBytes} bytes` };
    },
  },
  {
    name: "nonsense in a sector at",
    change(bytes, range, { random }) {
      const at = sectorIn(range, random);
      bytes.set(random.bytes(SECTOR_BYTES), at);
      return { where: `${at}` };
    },
  },
  {
    name: "cut off the disk at",
    change(bytes, { offsetBytes, sizeBytes }, { random }) {
      const endBytes = Math.min(offsetBytes + random.below(sizeBytes), bytes.byteLength - 1);
      return { where: `${endBytes}`, endBytes };
    },
  },
];

function sectorIn({ offsetBytes, sizeBytes }: Range, random: Random): number {
  return offsetBytes + random.below(sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
}
