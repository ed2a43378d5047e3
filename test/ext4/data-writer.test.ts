import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Extent } from "../../src/tar/entry.ts";
import { Allocator } from "../../src/ext4/allocator.ts";
import { BLOCK_BYTES, CHUNK_BYTES } from "../../src/disk/chunk.ts";
import { DataWriter } from "../../src/ext4/data-writer.ts";
import { planGeometry } from "../../src/ext4/geometry.ts";
import { readFile } from "../../src/ext4/read.ts";
import { rangeOf } from "../../src/ext4/written-range.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { fileAt } from "../fakes/ext4-image.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { type Outbox, plainOutbox } from "../../src/system/outbox.ts";

interface Bench {
  readonly image: PagedImage;
  readonly allocator: Allocator;
  readonly writer: DataWriter;
}

/** The first free chunk is 1. */
function bench(sizeBytes = 16 * MiB): Bench {
  const image = PagedImage.zeros(sizeBytes);
  const allocator = Allocator.create(planGeometry(sizeBytes));
  return { image, allocator, writer: new DataWriter(plainOutbox(image.file()), allocator) };
}

function put(writer: DataWriter, bytes: Uint8Array): readonly Extent[] {
  writer.begin(bytes.byteLength, bytes.byteLength);
  writer.write(bytes);
  return writer.end();
}

const filled = (sizeBytes: number, byte: number): Uint8Array =>
  new Uint8Array(sizeBytes).fill(byte);
const extent = (logicalBlock: number, physicalBlock: number, blocks: number): Extent => ({
  logicalBlock,
  physicalBlock,
  blocks,
});

test("DataWriter packs small files block by block", () => {
  const { writer } = bench();
  const sizes = [1, 4095, 4096, 4097, 0, 1];
  expect(sizes.map((size) => put(writer, filled(size, 1)))).toEqual([
    [extent(0, 256, 1)],
    [extent(0, 257, 1)],
    [extent(0, 258, 1)],
    [extent(0, 259, 2)],
    [],
    [extent(0, 261, 1)],
  ]);
});

test("DataWriter fills the last block of a file with zeros", () => {
  const { writer, image } = bench();
  // The second chunk reuses the buffer, which holds the bytes of the first one.
  put(writer, filled(CHUNK_BYTES, 0xaa));
  put(writer, filled(1, 0xbb));
  const [, last] = writer.finish();
  expect(last?.sizeBytes).toBe(BLOCK_BYTES);
  expect(readBlock(image.file(), 2 * CHUNK_BYTES, BLOCK_BYTES)).toEqual(
    Uint8Array.from({ length: BLOCK_BYTES }, (_, index) => (index === 0 ? 0xbb : 0)),
  );
});

test("DataWriter gives a large file the rest of the chunk and consecutive chunks", () => {
  const { writer, allocator } = bench();
  put(writer, filled(1, 1));
  // Another thread allocates a chunk, so that the next chunks do not follow the current one.
  allocator.take(1);
  const extents = put(writer, filled(3 * CHUNK_BYTES, 2));
  expect(extents).toEqual([extent(0, 257, 255), extent(255, 768, 513)]);
  expect(put(writer, filled(1, 3))).toEqual([extent(0, 1281, 1)]);
});

// Runs of data are offset+length, extents are logical:physical:blocks.
test.each([
  { where: "at the start", sizeBytes: 8192, runs: "4096+4096", want: "1:256:1" },
  { where: "in the middle", sizeBytes: 12_288, runs: "0+10 8192+4096", want: "0:256:1 2:257:1" },
  { where: "at the end", sizeBytes: 1_000_000, runs: "0+10", want: "0:256:1" },
  { where: "within a block", sizeBytes: 4096, runs: "10+10 100+10", want: "0:256:1" },
  { where: "not at a block", sizeBytes: 30_000, runs: "5000+9 20000+9", want: "1:256:1 4:257:1" },
  { where: "everywhere", sizeBytes: 30_000, runs: "", want: "" },
  { where: "then nothing", sizeBytes: 30_000, runs: "0+1 30000+0", want: "0:256:1" },
])("DataWriter makes a hole $where", ({ sizeBytes, runs, want }) => {
  const { writer, image } = bench();
  const whole = new Uint8Array(sizeBytes);
  writer.begin(sizeBytes, 1);
  for (const [, offset, length] of runs.matchAll(/(\d+)\+(\d+)/g)) {
    writer.seek(Number(offset));
    writer.write(filled(Number(length), 7));
    whole.fill(7, Number(offset), Number(offset) + Number(length));
  }
  const extents = writer.end();
  writer.finish();
  const got = extents.map((each) => `${each.logicalBlock}:${each.physicalBlock}:${each.blocks}`);
  expect(got.join(" ")).toBe(want);
  expect(readFile(image.file(), fileAt(sizeBytes, extents))).toEqual(whole);
});

test("DataWriter.finish() returns the hash of each written chunk", () => {
  const { writer, image } = bench();
  put(writer, filled(2 * CHUNK_BYTES + 5000, 9));
  const ranges = writer.finish();
  expect(ranges.map(({ offsetBytes, sizeBytes }) => [offsetBytes, sizeBytes])).toEqual([
    [CHUNK_BYTES, CHUNK_BYTES],
    [2 * CHUNK_BYTES, CHUNK_BYTES],
    [3 * CHUNK_BYTES, 8192],
  ]);
  for (const range of ranges)
    expect(
      rangeOf(range.offsetBytes, readBlock(image.file(), range.offsetBytes, range.sizeBytes)),
    ).toEqual(range);
});

test("DataWriter fills the given blocks first", () => {
  const { image, allocator } = bench();
  const writer = new DataWriter(plainOutbox(image.file()), allocator, { block: 250, blocks: 6 });
  expect(writer.nextBlock()).toBe(250);
  expect(put(writer, filled(5 * BLOCK_BYTES, 1))).toEqual([extent(0, 250, 5)]);
  expect(put(writer, filled(3 * BLOCK_BYTES, 1))).toEqual([extent(0, 255, 3)]);
  expect(writer.finish().map(({ offsetBytes }) => offsetBytes)).toEqual([
    250 * BLOCK_BYTES,
    CHUNK_BYTES,
  ]);
});

test("DataWriter.nextBlock() is the first block of the next file, also at the end of a chunk", () => {
  const { writer } = bench();
  put(writer, filled(CHUNK_BYTES, 1));
  const block = writer.nextBlock();
  expect(put(writer, filled(1, 1))).toEqual([extent(0, block, 1)]);
});

test("DataWriter refuses too large a file before it writes any of it", () => {
  const { writer, image } = bench(4 * MiB);
  expect(() => writer.begin(5 * MiB, 5 * MiB)).toThrow("Cannot place 5.0 MiB more");
  expect(image.bytes().every((byte) => byte === 0)).toBeTrue();
});

test("DataWriter throws for data beyond the end of a file and for a seek backwards", () => {
  const { writer } = bench();
  writer.begin(10, 10);
  expect(() => writer.write(filled(11, 1))).toThrow("data stays in its file");
  writer.seek(5);
  expect(() => writer.seek(4)).toThrow("data runs of a file go up");
});

const content = fc.record({
  sizeBytes: fc.oneof(fc.nat(20_000), fc.nat(3 * MiB)),
  pieceBytes: fc.oneof(fc.integer({ min: 512, max: 9000 }), fc.constant(MiB)),
  skip: fc.array(fc.nat(20_000), { maxLength: 4 }),
});

test("DataWriter stores every file completely and apart from the others", () => {
  fc.assert(
    fc.property(fc.array(content, { maxLength: 6 }), (files) => {
      const { writer, image } = bench(64 * MiB);
      const written = files.map((file, index) => writeInPieces(writer, file, index + 1));
      const ranges = writer.finish();
      const blocks = written.flatMap(({ extents }) =>
        extents.flatMap(({ physicalBlock, blocks: count }) =>
          Array.from({ length: count }, (_, at) => physicalBlock + at),
        ),
      );
      expect(new Set(blocks).size).toBe(blocks.length);
      expect(blocks.length * BLOCK_BYTES).toBe(
        ranges.reduce((sum, range) => sum + range.sizeBytes, 0),
      );
      for (const { whole, extents } of written) {
        const got = readFile(image.file(), fileAt(whole.byteLength, extents));
        expect(Buffer.compare(got, whole)).toBe(0);
      }
    }),
    { numRuns: 40 },
  );
});

/** Leaves a hole after each piece. `skip` has the lengths of the holes. */
function writeInPieces(
  writer: DataWriter,
  {
    sizeBytes,
    pieceBytes,
    skip,
  }: { sizeBytes: number; pieceBytes: number; skip: readonly number[] },
  byte: number,
): { whole: Uint8Array; extents: readonly Extent[] } {
  const whole = new Uint8Array(sizeBytes);
  const holes = [...skip];
  writer.begin(sizeBytes, sizeBytes);
  for (let at = 0; at < sizeBytes; at += pieceBytes + (holes.pop() ?? 0)) {
    const piece = whole.subarray(at, at + pieceBytes).fill(byte);
    writer.seek(at);
    writer.write(piece);
  }
  return { whole, extents: writer.end() };
}

test("finish() waits for all writes, and no parcel is changed after it was sent", () => {
  const calls: string[] = [];
  const parcels: Uint8Array[] = [];
  const outbox: Outbox = {
    take() {
      const parcel = new Uint8Array(CHUNK_BYTES);
      parcels.push(parcel);
      return parcel;
    },
    send(offsetBytes, sizeBytes) {
      calls.push(`${offsetBytes / MiB} ${sizeBytes} of parcel ${parcels.length}`);
    },
    settle: () => void calls.push("settle"),
    close: () => void calls.push("close"),
  };
  const writer = new DataWriter(outbox, Allocator.create(planGeometry(16 * MiB)));
  put(writer, filled(CHUNK_BYTES + BLOCK_BYTES, 7));
  writer.finish();
  const sent = [`1 ${CHUNK_BYTES} of parcel 1`, `2 ${BLOCK_BYTES} of parcel 2`, "settle"];
  expect(calls).toEqual(sent);
  writer.close();
  expect(calls).toEqual([...sent, "close"]);
});
