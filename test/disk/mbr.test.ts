import { expect, test } from "bun:test";
import { readGpt } from "../../src/disk/gpt.ts";
import { restoreGpt } from "../../src/disk/gpt-repair.ts";
import { problemOfMbr, refuseMbrDisk, restoreProtectiveMbr } from "../../src/disk/mbr.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { gptImage } from "./gpt-image.ts";

const REFUSAL = "Cannot use disk: its first sector has an MBR partition table";

/** A GPT on a disk whose MBR has partitions of these types. */
function disk(...types: number[]): PagedImage {
  const image = gptImage({ partitions: [{ label: "one", firstLba: 2048, lastLba: 4095 }] });
  for (const [index, type] of types.entries()) image.write(450 + index * 16, Uint8Array.of(type));
  image.write(510, Uint8Array.of(0x55, 0xaa));
  return image;
}

test.each([
  ["no entries", [], "it does not say that the disk has a GPT"],
  ["a protective entry", [0xee], undefined],
  ["a protective entry beside others", [0x83, 0xee], undefined],
] as const)("readGpt() accepts a first sector with %s", (_, types, problem) => {
  const file = disk(...types).file("disk");
  expect(readGpt(file).partitions).toHaveLength(1);
  expect(problemOfMbr(file)).toBe(problem);
});

test("an MBR disk with a leftover GPT is refused, and nothing on it is repaired", async () => {
  const image = disk(0x83, 0x0c);
  const before = Bun.hash(image.bytes());
  const file = image.file("disk");
  expect(() => refuseMbrDisk(file)).toThrow("(types 0x83, 0x0c)");
  expect(() => readGpt(file)).toThrow(REFUSAL);
  expect((await rejection(restoreProtectiveMbr(file))).message).toStartWith(REFUSAL);
  expect((await rejection(restoreGpt(file, "backup"))).message).toStartWith(REFUSAL);
  expect(Bun.hash(image.bytes())).toBe(before);
});

test("refuseMbrDisk() accepts bytes without the signature of an MBR", () => {
  const image = disk(0x83);
  image.write(510, new Uint8Array(2));
  expect(() => refuseMbrDisk(image.file())).not.toThrow();
});

test.each([
  [512, 8191],
  [4096, 1023],
])("restoreProtectiveMbr() counts in the disk's sectors of %d bytes", async (sectorBytes, lbas) => {
  const image = disk();
  await restoreProtectiveMbr({ ...image.file(), sectorBytes });
  expect(new DataView(image.bytes().buffer).getUint32(446 + 12, true)).toBe(lbas);
});
