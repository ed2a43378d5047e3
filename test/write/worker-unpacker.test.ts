import { afterAll, afterEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { Allocator } from "../../src/ext4/allocator.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import type { Entry } from "../../src/tar/entry.ts";
import { display } from "../../src/lib/byte-string.ts";
import { TandemError } from "../../src/lib/error.ts";
import { MiB } from "../../src/lib/units.ts";
import { digestOf, parseDigest } from "../../src/oci/digest.ts";
import type { SourceRecipe } from "../../src/source/source.ts";
import { startHashers } from "../../src/write/hashers.ts";
import type { Unpacker, UnpackTask } from "../../src/write/unpacker.ts";
import { unpackInWorker } from "../../src/write/worker-unpacker.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { patternOf } from "../fakes/pattern.ts";
import { until } from "../fakes/until.ts";
import { tar } from "../peers/tar.ts";

const TARGET_BYTES = 24 * MiB;
/** The file system does not begin at 0, as in the image of a whole disk. */
const OFFSET_BYTES = MiB;
const folder = mkdtempSync(join(tmpdir(), "tandem-worker-"));
writeFileSync(join(folder, "oci-layout"), "");
/** An environment in which opening a registry warns of an invalid credentials file. */
const WARNING_ENVIRONMENT = { XDG_RUNTIME_DIR: folder };
mkdirSync(join(folder, "containers"));
writeFileSync(join(folder, "containers/auth.json"), "no JSON");
const path = join(folder, "disk.img");
const opened: { close(): void | Promise<void> }[] = [];
const NEVER = new AbortController().signal;
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Bench {
  readonly unpacker: Unpacker;
  readonly warnings: string[];
  readonly fetched: number[];
  readonly signal: AbortSignal;
}

interface Opening {
  readonly sizeBytes?: number;
  readonly at?: string;
  readonly signal?: AbortSignal;
  readonly source?: SourceRecipe;
  /** Whether another thread hashes. */
  readonly isHashed?: boolean;
  readonly hasLowPriority?: boolean;
}

const OPTIONS = { architecture: "amd64", insecureRegistries: [], environment: {}, userId: 1000 };
const SOURCE: SourceRecipe = { text: `oci-layout:${folder}`, options: OPTIONS };

function open(opening: Opening = {}): Bench {
  const { sizeBytes = TARGET_BYTES, at = path, signal = NEVER, source = SOURCE } = opening;
  const { hasLowPriority = false } = opening;
  writeFileSync(path, "");
  truncateSync(path, OFFSET_BYTES + TARGET_BYTES);
  const geometry = planGeometry(sizeBytes);
  const { shared } = Allocator.create(geometry);
  const hashers = startHashers(opening.isHashed === false ? 0 : 1, () => {});
  const target = { path: at, offsetBytes: OFFSET_BYTES, sizeBytes, geometry, shared };
  const unpacker = unpackInWorker(
    { source, target, hash: hashers.lanes[0], hasLowPriority },
    () => {},
  );
  opened.push(unpacker, hashers);
  return { unpacker, warnings: [], fetched: [], signal };
}

/** Stores a blob where the thread finds it. Returns the layer and the blob's name. */
function layerOf(
  bytes: Uint8Array,
  {
    diffId = digestOf(bytes),
    mediaType = "application/vnd.oci.image.layer.v1.tar",
  }: { readonly diffId?: string; readonly mediaType?: string } = {},
): Pick<UnpackTask, "layer" | "blob"> {
  const digest = digestOf(bytes);
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  writeFileSync(join(folder, "blobs", digest.replace(":", "/")), bytes);
  const outputBytesMax = bytes.byteLength;
  return {
    layer: { label: "layer 1 of 1", mediaType, diffId, outputBytesMax },
    blob: { digest, sizeBytes: bytes.byteLength },
  };
}

async function unpack(
  { unpacker, signal, warnings, fetched }: Bench,
  layer: ReturnType<typeof layerOf>,
): Promise<Entry[]> {
  const onWarning = (text: string): void => void warnings.push(text);
  const onFetched = (bytes: number): void => void fetched.push(bytes);
  return [...(await unpacker.unpack({ ...layer, signal, onWarning, onFetched }))];
}

/** Reads a file's content from the extents of its entry. */
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

test.each([true, false])(
  "unpackInWorker() writes the data (hashed in another thread: %p)",
  async (isHashed) => {
    const [large, small] = [patternOf(9 * MiB + 17), patternOf(100)];
    const bench = open({ isHashed });
    const bytes = tar([
      { path: "large", data: large, mode: 0o600 },
      { path: "folder", kind: "directory" },
      { path: "folder/small", data: small },
    ]);
    const entries = await unpack(bench, layerOf(bytes));
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
    expect(bench.fetched.reduce((sum, count) => sum + count, 0)).toBe(bytes.byteLength);
  },
);

test("unpackInWorker() unpacks several layers with thousands of entries each", async () => {
  const bench = open();
  for (const name of ["one", "two"]) {
    const members = Array.from({ length: 1300 }, (_, index) => ({
      path: `${name}-${index}`,
      data: `${index}`,
    }));
    const entries = await unpack(bench, layerOf(tar(members)));
    expect(entries.map((entry) => display(entry.path))).toEqual(members.map((one) => one.path));
  }
  expect(await bench.unpacker.finish()).not.toBeEmpty();
});

test("unpackInWorker() answers queued requests in order", async () => {
  const bench = open();
  const names = ["one", "two", "three"];
  const layers = names.map((name) => layerOf(tar([{ path: name, data: patternOf(3 * MiB) }])));
  const running = layers.map((layer) => unpack(bench, layer));
  const ranges = bench.unpacker.finish();
  const entries = await Promise.all(running);
  expect(entries.flat().map((entry) => display(entry.path))).toEqual(names);
  expect(await ranges).toHaveLength(9);
});

const namedFile = (name: string): Uint8Array => tar([{ path: name, data: name }]);

test("unpackInWorker() requests its next blob while the previous one is still arriving", async () => {
  await using registry = new FakeRegistry();
  const [first, second] = [layerOf(namedFile("first")), layerOf(namedFile("second"))];
  const place = ({ blob }: typeof first): string => `/v2/ns/app/blobs/${blob.digest}`;
  registry.put(place(second), namedFile("second"));
  // The first blob ends only after the second one is requested.
  registry.script(place(first), async () => {
    await until(() => registry.count(place(second)) > 0);
    return new Response(namedFile("first"));
  });
  const source = {
    text: `oci:${registry.host}/ns/app`,
    options: { ...OPTIONS, environment: WARNING_ENVIRONMENT },
  };
  const bench = open({ source });
  const running = unpack(bench, first);
  await until(() => registry.count(place(first)) > 0);
  const entries = await Promise.all([running, unpack(bench, second)]);
  expect(entries.flat().map((entry) => display(entry.path))).toEqual(["first", "second"]);
});

test("unpackInWorker() fails a queued layer with the one before it", async () => {
  const bench = open();
  const wrong = layerOf(tar([{ path: "x", data: "x" }]), { diffId: `sha256:${"0".repeat(64)}` });
  const right = layerOf(tar([{ path: "y", data: "y" }]));
  const running = [unpack(bench, wrong), unpack(bench, right), bench.unpacker.finish()];
  const errors = await Promise.all(running.map((one) => failure(one)));
  expect(errors.map(({ code }) => code)).toEqual(["content", "content", "content"]);
});

interface Thread {
  readonly id: string;
  readonly niceness: number;
}

/** Reads a file in /proc. "" when its thread or process has ended. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** The threads of this process that run workers, except `known`. */
function workers(known: readonly Thread[] = []): readonly Thread[] {
  const threads = readdirSync("/proc/self/task").flatMap((id) => {
    const stat = textOf(`/proc/self/task/${id}/stat`);
    const [, name, rest = ""] = /\((.*)\) (.*)/s.exec(stat) ?? [];
    return name === "Worker" ? [{ id, niceness: Number(rest.split(" ")[16]) }] : [];
  });
  return threads.filter(({ id }) => known.every((one) => one.id !== id));
}

test.each([true, false])(
  "unpackInWorker() lowers the priority of its thread only (%p)",
  async (hasLowPriority) => {
    const known = workers();
    const niceness = getPriority(0);
    const bench = open({ hasLowPriority, isHashed: false });
    await unpack(bench, layerOf(tar([{ path: "x", data: "x" }])));
    expect(workers(known).map((one) => one.niceness > niceness)).toEqual([hasLowPriority]);
    expect(getPriority(0)).toBe(niceness);
  },
);

/** The number of open descriptors of the target. */
function openTargets(): number {
  const { ino, dev } = statSync(path);
  return readdirSync("/proc/self/fd").filter((id) => {
    const file = statSync(`/proc/self/fd/${id}`, { throwIfNoEntry: false });
    return file?.ino === ino && file.dev === dev;
  }).length;
}

test("a worker closes the target after finish(), and ends itself", async () => {
  // Workers of other tests may still be running.
  await until(() => workers().length === 0);
  const before = openTargets();
  const bench = open({ isHashed: false });
  await unpack(bench, layerOf(tar([{ path: "x", data: "x" }])));
  expect(openTargets()).toBe(before + 2);
  expect(workers()).toHaveLength(1);
  await bench.unpacker.finish();
  await bench.unpacker.close();
  await until(() => workers().length === 0);
  expect(openTargets()).toBe(before);
});

test("close() in the middle of a layer resolves after the worker has closed the target", async () => {
  await until(() => workers().length === 0);
  const before = openTargets();
  const bench = open({ isHashed: false });
  const running = unpack(bench, layerOf(tar([{ path: "large", data: patternOf(20 * MiB) }])));
  const ended = running.catch((error: unknown) => error);
  await until(() => bench.fetched.length > 0);
  expect(openTargets()).toBe(before + 2);
  await bench.unpacker.close();
  expect(openTargets()).toBe(before);
  expect(await ended).toBeInstanceOf(Error);
});

test("close() does not wait for a registry that does not answer", async () => {
  await using registry = new FakeRegistry();
  const layer = layerOf(tar([{ path: "x", data: "x" }]));
  const place = `/v2/ns/app/blobs/${layer.blob.digest}`;
  registry.script(place, () => Promise.withResolvers<Response>().promise);
  const environment = { HOME: folder, XDG_RUNTIME_DIR: folder };
  const source = { text: `oci:${registry.host}/ns/app`, options: { ...OPTIONS, environment } };
  const bench = open({ source });
  const ended = unpack(bench, layer).catch((error: unknown) => error);
  await until(() => registry.count(place) > 0);
  await bench.unpacker.close();
  expect(await ended).toBeInstanceOf(Error);
});

/** Returns the TandemError of a bench, as a copy, because matchers write into their argument. */
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

test("unpackInWorker() returns an error with its code", async () => {
  const layer = layerOf(tar([{ path: "x", data: "x" }]), { diffId: `sha256:${"0".repeat(64)}` });
  const error = await failure(unpack(open(), layer));
  expect(error).toMatchObject({
    code: "content",
    message: expect.stringMatching(/^Cannot unpack layer 1 of 1: it decompresses to sha256:/),
  });
  expect(error.stack).toContain("layer/unpack.ts");
});

test("unpackInWorker() returns an error with its hint", async () => {
  const bench = open({ sizeBytes: 8 * MiB });
  const layer = layerOf(tar([{ path: "large", data: patternOf(12 * MiB) }]));
  expect(await failure(unpack(bench, layer))).toMatchObject({
    code: "no-space",
    hint: "Use a larger slot or a smaller image.",
  });
});

test("unpackInWorker() answers all requests with the error of a target that cannot be opened", async () => {
  const bench = open({ at: join(folder, "none") });
  const layer = layerOf(tar([{ path: "x", data: "x" }]));
  const want = { code: "disk", message: expect.stringContaining(`Cannot open ${folder}/none`) };
  expect(await failure(unpack(bench, layer))).toMatchObject(want);
  expect(await failure(bench.unpacker.finish())).toMatchObject(want);
});

test("unpackInWorker() returns the source's error for a missing blob", async () => {
  const digest = parseDigest(`sha256:${"0".repeat(64)}`);
  const layer = { ...layerOf(new Uint8Array(512)), blob: { digest, sizeBytes: 512 } };
  expect(await failure(unpack(open(), layer))).toMatchObject({
    code: "content",
    message: expect.stringContaining("it is missing"),
  });
});

test("unpack() rejects at once when its signal fires", async () => {
  const stop = new AbortController();
  const bench = open({ signal: stop.signal });
  const running = unpack(bench, layerOf(tar([{ path: "large", data: patternOf(9 * MiB) }])));
  stop.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
});

test("unpackInWorker() fails when its hasher has stopped", async () => {
  const bench = open();
  await opened.at(-1)?.close();
  const running = unpack(bench, layerOf(tar([{ path: "large", data: patternOf(9 * MiB) }])));
  await expect(running).rejects.toThrow("the hasher was stopped");
});

test("unpackInWorker() fetches from a registry, and does not repeat the warnings of opening it", async () => {
  await using registry = new FakeRegistry();
  const bytes = tar([{ path: "x", data: "x" }]);
  const layer = layerOf(bytes);
  registry.put(`/v2/ns/app/blobs/${layer.blob.digest}`, bytes);
  const source = {
    text: `oci:${registry.host}/ns/app`,
    options: { ...OPTIONS, environment: WARNING_ENVIRONMENT },
  };
  const bench = open({ source });
  expect(await unpack(bench, layer)).toHaveLength(1);
  expect(bench.warnings).toEqual([]);
});

test("unpackInWorker() passes on warnings", async () => {
  const bench = open();
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  await unpack(bench, layerOf(tar([{ path: "x", data: "x" }]), { mediaType }));
  expect(bench.warnings).toEqual([expect.stringMatching(/^layer 1 of 1: .*, continuing$/)]);
});
