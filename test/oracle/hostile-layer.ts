/**
 * A program that unpacks one hostile layer, and prints the result, the peak of memory in MiB, and the processor time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createGzip, createZstdCompress, constants } from "node:zlib";
import { Readable } from "node:stream";

import { Merge } from "../../src/layer/merge.ts";
import { EntryPacker } from "../../src/layer/entry-packer.ts";
import { LayerEntries } from "../../src/layer/layer-entries.ts";
import { LayerUnpacker } from "../../src/layer/unpack.ts";
import { MiB } from "../../src/lib/units.ts";
import { rawHeader } from "../tar/raw-tar.ts";
import { TAR_END, tar, tarMember, type TarMember } from "../peers/tar.ts";

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

interface Hostile {
  readonly chunks: () => Chunks;
  /** What the program keeps of the entries: nothing, or the merged tree. */
  readonly merges?: boolean;
}

function* times(count: number, chunk: (index: number) => Uint8Array): Generator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield chunk(index);
}

function* members(all: Iterable<TarMember>): Generator<Uint8Array> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const member of all) {
    batch.push(tarMember(member));
    bytes += batch.at(-1)?.byteLength ?? 0;
    if (bytes < MiB) continue;
    yield Buffer.concat(batch);
    batch = [];
    bytes = 0;
  }
  yield Buffer.concat([...batch, TAR_END]);
}

function* each(count: number, member: (index: number) => TarMember): Generator<TarMember> {
  for (let index = 0; index < count; index += 1) yield member(index);
}

/** Repeats the same members, because making new ones takes longer than reading them. */
function* repeated(count: number, ...all: readonly TarMember[]): Generator<Uint8Array> {
  const once = Buffer.concat(all.map(tarMember));
  const often = Math.max(1, Math.floor(MiB / once.byteLength));
  const chunk = Buffer.concat(Array.from({ length: often }, () => once));
  yield* times(Math.ceil(count / often), () => chunk);
}

/** Records that make an extended header of almost 1 MiB. */
const records = (prefix: string, valueBytes: number): Record<string, string> =>
  Object.fromEntries(
    Array.from({ length: Math.floor(1_000_000 / (valueBytes + prefix.length + 10)) }, (_, at) => [
      `${prefix}${at}`,
      "v".repeat(valueBytes),
    ]),
  );

const zeros = (count: number): Generator<Uint8Array> => times(count, () => new Uint8Array(MiB));

const CASES: Readonly<Record<string, Hostile>> = {
  "an ordinary layer": { chunks: () => [tar([{ path: "a", data: "a" }])] },
  "300 extended headers of 1 MiB": {
    chunks: () => repeated(300, { path: "a", data: "", pax: records("key.", 1000) }),
  },
  "100 extended headers of 30,000 records": {
    chunks: () => repeated(100, { path: "a", data: "", pax: records("", 20) }),
  },
  "an extended header of 8 GiB": {
    chunks: () => [rawHeader({ type: "x", sizeBytes: 2 ** 33 - 1 }), ...zeros(10)],
  },
  "a hole of 1 PiB": {
    chunks: () => [
      tarMember({
        path: "a",
        data: "",
        pax: {
          "GNU.sparse.major": "0",
          "GNU.sparse.minor": "1",
          "GNU.sparse.size": `${2 ** 50}`,
          "GNU.sparse.map": "",
        },
      }),
    ],
  },
  "holes of 16 TiB": {
    chunks: () =>
      repeated(1000, {
        path: "a",
        data: "",
        pax: {
          "GNU.sparse.major": "0",
          "GNU.sparse.minor": "1",
          "GNU.sparse.size": `${2 ** 43}`,
          "GNU.sparse.map": "",
        },
      }),
  },
  "4,000,001 entries": { chunks: () => repeated(4_001_000, { path: "a", kind: "fifo" }) },
  "a long name of 1 MB": { chunks: () => members([{ path: "n/".repeat(500_000), data: "" }]) },
  "extended attributes without end": {
    chunks: () =>
      repeated(10_000, { path: "a", data: "", xattrs: { "user.a": Buffer.alloc(60_000, "a") } }),
  },
  "targets without end": {
    chunks: () => repeated(1_000_000, { path: "a", kind: "symlink", target: "t".repeat(4000) }),
  },
  "100,000 links in a chain before their target": {
    merges: true,
    chunks: () =>
      members(
        each(100_000, (index) => ({ path: `${index}`, kind: "hardlink", target: `${index + 1}` })),
      ),
  },
  "paths through long symlinks": {
    merges: true,
    chunks: () =>
      members([
        { path: "a", kind: "directory" },
        ...each(39, (index) => ({
          path: `l${index}`,
          kind: "symlink" as const,
          target: `${"a/../".repeat(800)}${index === 38 ? "a" : `l${index + 1}`}`,
        })),
        ...each(1000, (index) => ({ path: `l0/${index}/x`, data: "" })),
      ]),
  },
  "20,000 paths through 40 symlinks": {
    merges: true,
    chunks: () =>
      members([
        { path: "a", kind: "directory" },
        ...each(40, (index) => ({
          path: `l${index}`,
          kind: "symlink" as const,
          target: `${"a/../".repeat(12)}${index === 39 ? "a" : `l${index + 1}`}`,
        })),
        ...each(20_000, (index) => ({ path: `l0/${index % 100}/x`, data: "" })),
      ]),
  },
  "400,000 files": {
    merges: true,
    chunks: () =>
      members(each(400_000, (index) => ({ path: `${index % 1000}/file-${index}`, data: "x" }))),
  },
  "5,000 deep paths": {
    merges: true,
    chunks: () =>
      members(each(5000, (index) => ({ path: `${"a/".repeat(2040)}${index}`, data: "" }))),
  },
  "a gzip bomb": {
    chunks: () => Readable.from(zeros(1024)).pipe(createGzip()),
  },
  "a zstd bomb": {
    chunks: () => Readable.from(zeros(1024)).pipe(createZstdCompress()),
  },
  "a zstd window of 1 GiB": {
    chunks: () =>
      Readable.from(zeros(600)).pipe(
        createZstdCompress({
          params: { [constants.ZSTD_c_windowLog]: 30, [constants.ZSTD_c_compressionLevel]: 1 },
        }),
      ),
  },
};

const { chunks, merges = false } = CASES[process.argv[2] ?? ""] ?? { chunks: () => [] };
await unpack(CASES["an ordinary layer"]?.chunks() ?? [], true).catch(String);
Bun.gc(true);
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmHWM");
const started = process.cpuUsage();
const said = await unpack(chunks(), merges).then(
  () => "unpacked",
  (error: unknown) => String(error),
);
const { user, system } = process.cpuUsage(started);
const seconds = (user + system) / 1e6;
console.log(JSON.stringify({ said, mib: Math.round(memory("VmHWM") - before), seconds }));

async function unpack(input: Chunks, keeps: boolean): Promise<void> {
  const packer = new EntryPacker();
  const unpacker = new LayerUnpacker(
    {
      label: "layer 1 of 1",
      mediaType: "application/vnd.oci.image.layer.v1.tar",
      diffId: "sha256:",
      outputBytesMax: 8192 * MiB,
    },
    {
      sink: { begin() {}, seek() {}, write() {}, end: () => [] },
      onEntry: (entry) => {
        if (keeps) packer.add(entry);
      },
      onWarning() {},
    },
  );
  for await (const chunk of input) unpacker.write(chunk);
  if (keeps) new Merge().apply(new LayerEntries(packer.finish()), "layer 1 of 1");
  unpacker.end();
}

/** Returns the memory in MiB. */
function memory(key: string): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
