import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Allocator } from "../../src/ext4/allocator.ts";
import { planLayout } from "../../src/ext4/layout.ts";
import type { Entry } from "../../src/layer/entry.ts";
import { display } from "../../src/lib/byte-string.ts";
import { TandemError } from "../../src/lib/error.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Unpacker } from "../../src/upgrade/unpacker.ts";
import { unpackInWorker } from "../../src/upgrade/worker-unpacker.ts";
import { memoryLayers } from "../fakes/layers.ts";

const TARGET_BYTES = 24 * MiB;
/** The file system begins behind something else, as in the image of a whole disk. */
const OFFSET_BYTES = MiB;
const folder = mkdtempSync(join(tmpdir(), "tandem-worker-"));
const path = join(folder, "disk.img");
const opened: Unpacker[] = [];
afterEach(() => opened.splice(0).forEach((unpacker) => unpacker.close()));
afterAll(() => rmSync(folder, { recursive: true }));

interface Bench {
  readonly unpacker: Unpacker;
  readonly warnings: string[];
}

function open({ sizeBytes = TARGET_BYTES, at = path } = {}): Bench {
  writeFileSync(path, "");
  truncateSync(path, OFFSET_BYTES + TARGET_BYTES);
  const layout = planLayout(sizeBytes);
  const { shared } = Allocator.create(layout);
  const warnings: string[] = [];
  const unpacker = unpackInWorker(
    { path: at, offsetBytes: OFFSET_BYTES, sizeBytes, layout, shared },
    (text) => warnings.push(text),
  );
  opened.push(unpacker);
  return { unpacker, warnings };
}

function layerOf(tarBytes: Uint8Array, diffId: string): Parameters<Unpacker["unpack"]>[0] {
  const mediaType = "application/vnd.oci.image.layer.v1.tar";
  return { label: "layer 1 of 1", mediaType, diffId, outputBytesMax: tarBytes.byteLength };
}

/** Chunks that own their memory, as sources give them. */
async function* chunks(bytes: Uint8Array, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
    yield new Uint8Array(bytes.subarray(at, at + chunkBytes));
    await Promise.resolve();
  }
}

async function unpack(bench: Bench, source: ReturnType<typeof memoryLayers>): Promise<Entry[]> {
  const [bytes = new Uint8Array(0)] = source.blobs;
  const layer = layerOf(bytes, source.resolved.layers[0]?.diffId ?? "");
  return bench.unpacker.unpack(layer, chunks(bytes));
}

/** A file's content, from where its entry says that it lies. */
function contentOf(entry: Entry | undefined): Uint8Array {
  if (entry?.kind !== "file") throw new Error("no file");
  const disk = readFileSync(path);
  const content = new Uint8Array(entry.sizeBytes);
  for (const { logicalBlock, physicalBlock, blocks } of entry.extents) {
    const start = OFFSET_BYTES + physicalBlock * 4096;
    const end = start + Math.min(blocks * 4096, entry.sizeBytes - logicalBlock * 4096);
    content.set(disk.subarray(start, end), logicalBlock * 4096);
  }
  return content;
}

const random = (sizeBytes: number): Uint8Array => {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65_536)
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

test("unpackInWorker() writes the data, and gives the entries back", async () => {
  const [large, small] = [random(9 * MiB + 17), random(100)];
  const bench = open();
  const source = memoryLayers([
    [
      { path: "large", data: large, mode: 0o600 },
      { path: "folder", kind: "directory" },
      { path: "folder/small", data: small },
    ],
  ]);
  const entries = await unpack(bench, source);
  const ranges = await bench.unpacker.finish();
  expect(entries.map((entry) => [entry.kind, display(entry.path)])).toEqual([
    ["file", "large"],
    ["directory", "folder"],
    ["file", "folder/small"],
  ]);
  expect(Buffer.compare(contentOf(entries[0]), large)).toBe(0);
  expect(Buffer.compare(contentOf(entries[2]), small)).toBe(0);
  const disk = readFileSync(path);
  for (const { offsetBytes, sizeBytes, xxh3 } of ranges) {
    const start = OFFSET_BYTES + offsetBytes;
    expect(Bun.hash.xxHash3(disk.subarray(start, start + sizeBytes))).toBe(xxh3);
  }
  expect(disk.subarray(0, OFFSET_BYTES).every((byte) => byte === 0)).toBe(true);
  expect(bench.warnings).toEqual([]);
});

test("unpackInWorker() takes several layers, with thousands of entries each", async () => {
  const bench = open();
  for (const name of ["one", "two"]) {
    const members = Array.from({ length: 1300 }, (_, index) => ({
      path: `${name}-${index}`,
      data: `${index}`,
    }));
    const entries = await unpack(bench, memoryLayers([members]));
    expect(entries.map((entry) => display(entry.path))).toEqual(members.map((one) => one.path));
  }
  expect(await bench.unpacker.finish()).not.toBeEmpty();
});

/** What a bench fails with: a TandemError, or the test fails. A copy, since matchers write into what they are given. */
async function failure(
  running: Promise<unknown>,
): Promise<Pick<TandemError, "code" | "message" | "hint"> & { readonly stack: string }> {
  try {
    await running;
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    const { code, message, hint, stack = "" } = error;
    return { code, message, hint, stack };
  }
  throw new Error("it did not fail");
}

test("an error in the thread comes back with its code", async () => {
  const [bytes = new Uint8Array(0)] = memoryLayers([[{ path: "x", data: "x" }]]).blobs;
  const layer = layerOf(bytes, `sha256:${"0".repeat(64)}`);
  const error = await failure(open().unpacker.unpack(layer, chunks(bytes)));
  expect(error).toMatchObject({
    code: "content",
    message: expect.stringMatching(/^Cannot unpack layer 1 of 1: it decompresses to sha256:/),
  });
  expect(error.stack).toContain("layer/unpack.ts");
});

test("an error in the thread comes back with its hint", async () => {
  const bench = open({ sizeBytes: 8 * MiB });
  const source = memoryLayers([[{ path: "large", data: random(12 * MiB) }]]);
  expect(await failure(unpack(bench, source))).toMatchObject({
    code: "no-space",
    hint: "Use a larger slot or a smaller image.",
  });
});

test("a target that cannot be opened is the error, and stays it", async () => {
  const bench = open({ at: join(folder, "none") });
  const source = memoryLayers([[{ path: "x", data: "x" }]]);
  const want = { code: "disk", message: expect.stringContaining(`Cannot open ${folder}/none`) };
  expect(await failure(unpack(bench, source))).toMatchObject(want);
  expect(await failure(bench.unpacker.finish())).toMatchObject(want);
});

// oxlint-disable-next-line require-yield -- Nothing ever comes.
async function* broken(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  throw new TandemError("network", "Cannot fetch it");
}

async function* borrowed(): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield new Uint8Array(1024).subarray(0, 512);
}

test("an error in the blob comes through as it is", async () => {
  const { unpacker } = open();
  const layer = layerOf(new Uint8Array(512), "sha256:0");
  expect(await failure(unpacker.unpack(layer, broken()))).toMatchObject({ code: "network" });
});

test("a chunk that does not own its memory is a bug", async () => {
  const { unpacker } = open();
  const layer = layerOf(new Uint8Array(512), "sha256:0");
  await expect(unpacker.unpack(layer, borrowed())).rejects.toThrow("a chunk owns its whole buffer");
});

test("warnings come through", async () => {
  const bench = open();
  const [bytes = new Uint8Array(0)] = memoryLayers([[{ path: "x", data: "x" }]]).blobs;
  const diffId = `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  await bench.unpacker.unpack({ ...layerOf(bytes, diffId), mediaType }, chunks(bytes));
  expect(bench.warnings).toEqual([expect.stringMatching(/^layer 1 of 1: .*, continuing$/)]);
});
