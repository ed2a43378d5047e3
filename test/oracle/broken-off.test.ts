/**
 * Writes that end early, because the input ends or the target is full. The target must not look like a file system
 * afterwards.
 */
import { expect, test } from "bun:test";
import { existsSync, rmSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { digestOf } from "../../src/oci/digest.ts";
import type { LayeredSource } from "../../src/source/source.ts";
import { layeredContent } from "../../src/write/layered-content.ts";
import { type WriteJob, writeImage } from "../../src/write/write-image.ts";
import { compressibleBytes } from "../../scripts/bench/filler.ts";
import { type MemoryLayers, memoryLayers } from "../fakes/layers.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { until } from "../fakes/until.ts";
import { Random } from "../faults/random.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { writeImage as writeLayout } from "../peers/image.ts";
import { TANDEM } from "../peers/tandem.ts";
import { type TarMember, tar } from "../peers/tar.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const SIZE_BYTES = 8 * MiB;
const CHUNK_BYTES = 1000;

/** Files of all sizes up to more than a chunk of the target, some of them replaced and linked. */
const LAYERS: readonly (readonly TarMember[])[] = ["one", "two"].map((name) => [
  { path: "shared", data: compressibleBytes(name, 50_000) },
  { path: name, kind: "directory" },
  ...Array.from({ length: 30 }, (_, index) => ({
    path: `${name}/${index}`,
    data: compressibleBytes(`${name}${index}`, index ** 3),
  })),
  { path: `${name}/large`, data: new Uint8Array(MiB + 5).fill(7) },
  { path: `${name}/again`, kind: "hardlink", target: `${name}/large` },
]);

/** The image with its layers compressed. */
function gzipped(): MemoryLayers {
  const plain = memoryLayers(LAYERS);
  const blobs = LAYERS.map((members) => gzipSync(tar(members)));
  const layers = plain.resolved.layers.map((layer, index) => {
    const blob = blobs[index] ?? Buffer.alloc(0);
    const mediaType = `${layer.mediaType}+gzip`;
    return { ...layer, mediaType, digest: digestOf(blob), sizeBytes: blob.byteLength };
  });
  return { ...plain, blobs, resolved: { ...plain.resolved, layers } };
}

const IMAGE = gzipped();
const TOTAL_BYTES = IMAGE.blobs.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** A source that fails after `bytesMax` bytes of all layers together. */
function brokenAt(bytesMax: number): LayeredSource {
  let left = bytesMax;
  return {
    ...IMAGE,
    async *blob({ digest }) {
      const blob = IMAGE.blobs.find((one) => digestOf(one) === digest) ?? new Uint8Array(0);
      await Promise.resolve();
      for (let at = 0; at < blob.byteLength; at += CHUNK_BYTES) {
        const chunk = new Uint8Array(blob.subarray(at, Math.min(at + CHUNK_BYTES, at + left)));
        left -= chunk.byteLength;
        yield chunk;
        if (left === 0) throw new Error("the power was cut");
      }
    },
  };
}

function jobOn(image: PagedImage, source: LayeredSource): WriteJob<undefined> {
  return {
    content: layeredContent(source, IMAGE.resolved),
    target: { block: image.file(), path: undefined, offsetBytes: 0 },
    identity: { uuid: "01234567-89ab-cdef-0123-456789abcdef", label: "x", timeSeconds: 0 },
    jobs: 1,
    cores: 1,
    talk: SILENT,
    signal: new AbortController().signal,
    withoutHoles: () => new Set(),
    inspect: () => undefined,
  };
}

test("T48 a stream that breaks at one of 200 offsets leaves no file system, and the next write gives the same image", async () => {
  const random = new Random("broken off");
  const whole = PagedImage.zeros(SIZE_BYTES);
  await writeImage(jobOn(whole, brokenAt(Infinity)));
  const want = Bun.hash(whole.bytes());
  const places = Array.from({ length: 200 }, () => 1 + random.below(TOTAL_BYTES - 1));
  for (const place of [...places, 1, TOTAL_BYTES]) {
    const image = PagedImage.zeros(SIZE_BYTES);
    const error = await rejection(writeImage(jobOn(image, brokenAt(place))));
    expect({ place, error }).toMatchObject({ place, error: { message: "the power was cut" } });
    expect(image.bytes().subarray(0, 4096)).toEqual(new Uint8Array(4096));
    await writeImage(jobOn(image, brokenAt(Infinity)));
    expect({ place, hash: Bun.hash(image.bytes()) }).toEqual({ place, hash: want });
  }
});

/** The allocated size of a file in units of 512 bytes. 0 without a file. */
const blocksOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.blocks ?? 0;

const noSuperblock = async (path: string): Promise<boolean> =>
  (await Bun.file(path).slice(1024, 2048).bytes()).every((byte) => byte === 0);

test("T48 kill -9 at any time leaves no file system or a whole one, and the next write gives the same image", async () => {
  await using folder = await temporaryFolder();
  const files = Array.from({ length: 40 }, (_, index) => ({
    path: `${index}`,
    data: compressibleBytes(`${index}`, MiB),
  }));
  await writeLayout(folder.in("layout"), { layers: [{ tar: files }] });
  const words = [...TANDEM, "write", `oci-layout:${folder.in("layout")}`];
  const options = ["--size", "64MiB", "--jobs", "1", "--force"];
  await command(...words, folder.in("whole"), ...options);
  const wholeBlocks = statSync(folder.in("whole")).blocks;
  const random = new Random("kill -9");
  const image = folder.in("image");
  let cut = 0;
  for (let round = 0; round < 15; round += 1) {
    rmSync(image, { force: true });
    const child = Bun.spawn([...words, image, ...options], {
      stdout: "ignore",
      stderr: "ignore",
      env: process.env,
    });
    const blocks = random.below(wholeBlocks);
    await until(() => child.exitCode !== null || blocksOf(image) > blocks);
    child.kill("SIGKILL");
    await child.exited;
    if (!existsSync(image)) continue;
    if (await noSuperblock(image)) cut += 1;
    else expect(await complaints(image)).toEqual([]);
  }
  expect(cut).toBeGreaterThan(0);
  await command(...words, image, ...options);
  await command("cmp", image, folder.in("whole"));
});

const empty = (count: number): TarMember[] =>
  Array.from({ length: count }, (_, index) => ({ path: `${index}`, data: "" }));

test.each<[string, TarMember[], RegExp]>([
  [
    "data",
    [{ path: "large", data: new Uint8Array(12 * MiB) }],
    /Cannot place 12\.0 MiB more in the file system: 7\.0 MiB of its 7\.0 MiB are left/,
  ],
  [
    "data of many files",
    Array.from({ length: 20 }, (_, index) => ({
      path: `${index}`,
      data: Buffer.alloc(500_000, `${index}`),
    })),
    /Cannot place 1\.0 MiB more in the file system: 0 B of its 7\.0 MiB are left/,
  ],
  ["inodes", empty(600), /it has room for 512 inodes, the image needs 611/],
  [
    "directories",
    [
      { path: "large", data: new Uint8Array(7 * MiB) },
      ...empty(400).map(({ path }) => ({
        path: path.padEnd(250, "n"),
        kind: "symlink" as const,
        target: "t".repeat(3000),
      })),
    ],
    /Cannot place 1\.0 MiB more in the file system: 0 B of its 7\.0 MiB are left/,
  ],
])("T49 without room for %s there is a message, and no file", async (...[, members, says]) => {
  await using folder = await temporaryFolder();
  await writeLayout(folder.in("layout"), { layers: [{ tar: members }] });
  const source = `oci-layout:${folder.in("layout")}`;
  const run = command(...TANDEM, "write", source, folder.in("image"), "--size", "8MiB");
  await expect(run).rejects.toThrow(says);
  await expect(run).rejects.toThrow("status 7");
  expect(existsSync(folder.in("image"))).toBe(false);
});
