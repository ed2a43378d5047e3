/**
 * Measures each stage of a write by itself, in one thread: fetching, hashing the blobs, inflating, hashing the tars, reading them,
 * placing their data, making the file system. Arguments: URL of the blobs, the file to write into, its size, then media type and
 * digest of each layer. Prints a JSON list of names and seconds of processor time.
 */
import { Allocator } from "../../src/ext4/allocator.ts";
import { DataWriter } from "../../src/ext4/data-writer.ts";
import { writeTree } from "../../src/ext4/format.ts";
import { identityOf } from "../../src/ext4/identity.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import type { DataSink } from "../../src/tar/entry.ts";
import { createInflater } from "../../src/layer/inflate.ts";
import { Merge } from "../../src/layer/merge.ts";
import { EntryPacker } from "../../src/layer/entry-packer.ts";
import { LayerEntries } from "../../src/layer/layer-entries.ts";
import { TarReader } from "../../src/tar/tar.ts";
import { directOutbox } from "../../src/system/direct-outbox.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";

interface Layer {
  readonly mediaType: string;
  readonly digest: string;
  readonly blob: Uint8Array;
}

export interface Stage {
  readonly name: string;
  /** The processor time of the whole process. */
  readonly seconds: number;
}

/** The size of the chunks that a registry sends. */
const PIECE_BYTES = 64 * 1024;
const NOWHERE: DataSink = { begin() {}, seek() {}, write() {}, end: () => [] };

if (import.meta.main) console.log(JSON.stringify(await stages(process.argv.slice(2))));

async function stages([base = "", target = "", size = "", ...words]: string[]): Promise<Stage[]> {
  const layers: Layer[] = [];
  const fetching = await timed(async () => {
    for (let at = 0; at < words.length; at += 2) {
      const [mediaType = "", digest = ""] = words.slice(at, at + 2);
      layers.push({ mediaType, digest, blob: await fetchBlob(`${base}/${digest}`) });
    }
  });
  const hashing = await timed(() =>
    layers.forEach(({ blob }) => new Bun.CryptoHasher("sha256").update(blob).digest()),
  );
  const inflating = await timed(() => layers.forEach((layer) => inflate(layer, () => {})));
  const tarHashing = new Meter();
  for (const layer of layers) {
    const hasher = new Bun.CryptoHasher("sha256");
    inflate(layer, (bytes) => tarHashing.run(() => hasher.update(bytes)));
    hasher.digest();
  }
  // The code is compiled here. Otherwise the compilation would count as reading and not as placing.
  for (const layer of layers) read(layer, NOWHERE, new Meter());
  const reading = new Meter();
  for (const layer of layers) read(layer, NOWHERE, reading);
  const block = createBlockFile(target, Number(size));
  const geometry = planGeometry(block.sizeBytes);
  const allocator = Allocator.create(geometry);
  const lists: LayerEntries[] = [];
  const placing = new Meter();
  const writer = new DataWriter(directOutbox(block), allocator);
  for (const layer of layers) lists.push(read(layer, writer, placing));
  placing.run(() => writer.finish());
  writer.close();
  const formatting = await timed(() => {
    const { root } = merged(lists);
    const identity = { uuid: identityOf("sha256:x", "x"), label: "x", timeSeconds: 0 };
    writeTree(block, { geometry, allocator, root, identity });
  });
  block.close();
  return [
    { name: "fetch", seconds: fetching },
    { name: "hash blobs", seconds: hashing },
    { name: "inflate", seconds: inflating },
    { name: "hash tars", seconds: tarHashing.seconds },
    { name: "read tars", seconds: reading.seconds },
    { name: "place and write data", seconds: placing.seconds - reading.seconds },
    { name: "merge and format", seconds: formatting },
  ];
}

async function timed(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return secondsSince(before);
}

/** Adds up the time between the calls of inflate. The difference of whole runs would be smaller than the noise of inflate. */
class Meter {
  seconds = 0;

  run(work: () => unknown): void {
    const before = process.cpuUsage();
    work();
    this.seconds += secondsSince(before);
  }
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

async function fetchBlob(url: string): Promise<Uint8Array> {
  const options: BunFetchRequestInit = {
    decompress: false,
    headers: { "accept-encoding": "identity" },
  };
  return new Uint8Array(await (await fetch(url, options)).arrayBuffer());
}

function inflate({ mediaType, blob }: Layer, emit: (bytes: Uint8Array) => void): void {
  const inflater = createInflater(mediaType, console.warn);
  for (let at = 0; at < blob.length; at += PIECE_BYTES)
    inflater.write(blob.subarray(at, at + PIECE_BYTES), emit);
  inflater.end(emit);
}

function read(layer: Layer, sink: DataSink, meter: Meter): LayerEntries {
  const packer = new EntryPacker();
  const reader = new TarReader({
    sink,
    onEntry: (entry) => packer.add(entry),
    onWarning: console.warn,
    dataBytesMax: Number.MAX_SAFE_INTEGER,
    wantsData: () => true,
  });
  inflate(layer, (bytes) => meter.run(() => reader.write(bytes)));
  reader.end();
  return new LayerEntries(packer.finish());
}

function merged(lists: readonly LayerEntries[]): Merge {
  const merge = new Merge();
  for (const [index, entries] of lists.entries()) merge.apply(entries, `layer ${index + 1}`);
  return merge;
}
