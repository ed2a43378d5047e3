import { expect, test } from "bun:test";
import { PagedImage } from "./paged-image.ts";
import { RecordedDisk, type Cut } from "./recorded-disk.ts";

const byte = (value: number): Uint8Array => Uint8Array.of(value);

/** Returns the different first bytes of all outcomes. */
function outcomes(cuts: Iterable<Cut>, bytes: number): string[] {
  const seen = [...cuts].map(({ image }) => image.bytes().subarray(0, bytes).join(""));
  return [...new Set(seen)].toSorted();
}

test("cuts() of three unflushed writes returns each subset", () => {
  const { file, ...rest } = recorded(3);
  for (const index of [0, 1, 2]) file.write(index, byte(1));
  const all = ["000", "001", "010", "011", "100", "101", "110", "111"];
  expect(outcomes(rest.disk.cuts(), 3)).toEqual(all);
});

test("cuts() never loses flushed writes, and never has later writes", async () => {
  const { file, disk } = recorded(2);
  file.write(0, byte(1));
  await file.flush();
  file.write(1, byte(1));
  await file.flush();
  expect(outcomes(disk.cuts(), 2)).toEqual(["00", "10", "11"]);
  expect([...disk.cuts()].filter(({ after }) => after === 4)).toHaveLength(1);
});

test("cuts() also applies overlapping writes in the other order", () => {
  const { file, disk } = recorded(1);
  file.write(0, byte(1));
  file.write(0, byte(2));
  expect(outcomes(disk.cuts(), 1)).toEqual(["0", "1", "2"]);
  expect(
    [...disk.cuts()].some(
      ({ name, image }) => name.includes("reordered") && image.bytes()[0] === 1,
    ),
  ).toBe(true);
});

test.each([
  [0, 512, []],
  [0, 513, [512]],
  [0, 1024, [512]],
  [100, 512, [412]],
  [0, 1536, [512, 1024]],
])("cuts() tear a write at %i of %i bytes at the sectors %p", (offsetBytes, sizeBytes, places) => {
  const { file, disk } = recorded(4096);
  file.write(offsetBytes, new Uint8Array(sizeBytes).fill(1));
  const torn = [...disk.cuts()].filter(({ name }) => name.includes("torn after"));
  const written = torn.map(({ image }) => image.bytes().reduce((sum, value) => sum + value, 0));
  expect(written).toEqual(places);
  for (const { image } of torn) expect(image.bytes()[offsetBytes]).toBe(1);
  const tails = [...disk.cuts()].filter(({ name }) => name.includes("torn before"));
  for (const { image } of tails) expect(image.bytes()[offsetBytes]).toBe(0);
  expect(tails).toHaveLength(places.length);
});

test("cuts() of many or large writes returns a sample", () => {
  const { file, disk } = recorded(64 << 20);
  for (let index = 0; index < 20; index += 1)
    file.write(index << 20, new Uint8Array(1 << 20).fill(index + 1));
  const seen = [];
  for (const { after, image } of disk.cuts())
    if (after === 20) seen.push([0, 10, 19].map((index) => first(image, index << 20)).join());
  expect(seen.length).toBeLessThan(40);
  expect(new Set(seen)).toSatisfy((all) =>
    ["1,11,20", "0,0,0", "0,11,20", "1,11,0", "0,0,20"].every((one) => all.has(one)),
  );
});

test("cuts() returns disks that can be changed independently", () => {
  const { file, disk } = recorded(4096);
  file.write(0, byte(1));
  for (const { image } of disk.cuts()) {
    expect(first(image, 1)).toBe(0);
    image.write(0, Uint8Array.of(9, 9));
  }
  expect(disk.image().bytes().subarray(0, 2)).toEqual(Uint8Array.of(1, 0));
});

test("RecordedDisk accepts a cut disk as its start", () => {
  const { file, disk } = recorded(4096);
  file.write(0, byte(1));
  const [, ...rest] = disk.cuts();
  for (const { image } of rest) {
    const again = new RecordedDisk(image);
    again.file.write(1, byte(2));
    const finals = [...again.cuts()].filter(({ after }) => after === 1);
    expect(finals.map((cut) => first(cut.image, 1))).toEqual([2, 0]);
    for (const cut of finals) expect(first(cut.image, 0)).toBe(first(image, 0));
  }
});

test("dropCache() throws for unflushed data", async () => {
  const { file } = recorded(8192);
  file.write(4096, byte(1));
  expect(() => file.dropCache(0, 4097)).toThrow("not flushed");
  file.dropCache(0, 4096);
  await file.flush();
  file.dropCache(0, 8192);
});

test("write() keeps a copy of its bytes", () => {
  const { file, disk } = recorded(4096);
  const bytes = byte(1);
  file.write(0, bytes);
  bytes[0] = 5;
  expect(outcomes(disk.cuts(), 1)).toEqual(["0", "1"]);
});

test("PagedImage reads and writes across pages, and throws outside of the disk", () => {
  const image = PagedImage.zeros(10_000);
  image.write(
    4090,
    Uint8Array.from({ length: 5000 }, () => 3),
  );
  const found = new Uint8Array(5002);
  image.readInto(4089, found);
  expect([found[0], found[1], found[5000], found[5001]]).toEqual([0, 3, 3, 0]);
  expect(() => image.write(9999, new Uint8Array(2))).toThrow(RangeError);
  expect(() => image.readInto(-1, found)).toThrow(RangeError);
});

function recorded(sizeBytes: number): { disk: RecordedDisk; file: RecordedDisk["file"] } {
  const disk = new RecordedDisk(sizeBytes);
  return { disk, file: disk.file };
}

function first(image: PagedImage, offsetBytes: number): number | undefined {
  const found = new Uint8Array(1);
  image.readInto(offsetBytes, found);
  return found[0];
}

test("writes to a cut disk do not change the recording, for any kind of bytes", () => {
  const disk = new RecordedDisk(8192);
  disk.file.write(0, Buffer.alloc(8192, 1));
  const [, cut] = [...disk.cuts()].filter(({ name }) => name.endsWith("kept all"));
  cut?.image.write(0, byte(9));
  expect(outcomes(disk.cuts(), 1)).toEqual(["0", "1"]);
});

test("flush() covers a queued write only after wait() has returned it", async () => {
  const { disk, file } = recorded(8192);
  const queue = file.openQueue?.(3);
  queue?.write(0, 0, byte(1));
  await file.flush();
  expect(first(disk.image(), 0)).toBe(0);
  expect(queue?.length).toBe(1);
  expect([...(queue?.wait() ?? [])]).toEqual([{ index: 0, writtenBytes: 1 }]);
  expect(first(disk.image(), 0)).toBe(1);
  await file.flush();
  const values = [...disk.cuts()].map(({ after, image }) => `${after}:${first(image, 0)}`);
  expect([...new Set(values)]).toEqual(["0:0", "1:1", "1:0", "3:1", "3:0", "4:1"]);
});

test("queued writes end in another order than they started, and their memory must not change before", () => {
  const { file } = recorded(8192);
  const queue = file.openQueue?.(3);
  const memory = byte(1);
  queue?.write(7, 0, memory);
  queue?.write(8, 4096, byte(2));
  expect([...(queue?.wait() ?? [])]).toEqual([{ index: 8, writtenBytes: 1 }]);
  memory[0] = 9;
  expect(() => queue?.wait()).toThrow("The memory of a write to 0 was changed under way");
});
