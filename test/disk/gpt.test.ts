import { expect, test } from "bun:test";
import { readBlock } from "../../src/system/block-file.ts";
import fc from "fast-check";
import { ESP_TYPE_GUID, findPartition, overlapping, readGpt } from "../../src/disk/gpt.ts";
import { TandemError } from "../../src/lib/error.ts";
import { ESP_TYPE, gptImage, type TableSetup } from "./gpt-image.ts";

const ESP = { label: "esp", firstLba: 64, lastLba: 127, type: ESP_TYPE };
const CONTROL = { label: "tandem-control", firstLba: 128, lastLba: 2175 };
const SLOT = { label: "tandem-ä", firstLba: 2176, lastLba: 2176 };

test.each([512, 4096])("readGpt() reads a table with sectors of %i bytes", (sectorBytes) => {
  const image = gptImage({ sizeBytes: 16 << 20, sectorBytes, partitions: [ESP, CONTROL, SLOT] });
  const gpt = readGpt(image.file("disk"));
  expect(gpt).toMatchObject({
    diskName: "disk",
    diskGuid: "03020100-0504-0706-0809-0a0b0c0d0e0f",
    sectorBytes,
    from: "primary",
    problem: undefined,
  });
  expect(gpt.partitions).toEqual([
    {
      number: 1,
      label: "esp",
      typeGuid: ESP_TYPE_GUID,
      uuid: "01010101-0101-0101-0101-010101010101",
      offsetBytes: 64 * sectorBytes,
      sizeBytes: 64 * sectorBytes,
    },
    {
      number: 2,
      label: "tandem-control",
      typeGuid: "0fc63daf-8483-4772-8e79-3d69d8477de4",
      uuid: "02020202-0202-0202-0202-020202020202",
      offsetBytes: 128 * sectorBytes,
      sizeBytes: 2048 * sectorBytes,
    },
    {
      number: 3,
      label: "tandem-ä",
      typeGuid: "0fc63daf-8483-4772-8e79-3d69d8477de4",
      uuid: "03030303-0303-0303-0303-030303030303",
      offsetBytes: 2176 * sectorBytes,
      sizeBytes: sectorBytes,
    },
  ]);
});

test("readGpt() reads a label that fills its field", () => {
  const label = "x".repeat(36);
  const image = gptImage({ partitions: [{ ...ESP, label }] });
  expect(readGpt(image.file()).partitions[0]?.label).toBe(label);
});

test.each([
  ["signature", 512, 'no "EFI PART" at sector 1'],
  ["header", 512 + 60, "the checksum of the header at sector 1 is wrong"],
  ["entries", 1024 + 130, "the checksum of the entries is wrong"],
])("readGpt() uses the backup when the primary's %s is broken", (_, offsetBytes, why) => {
  const image = gptImage({ partitions: [ESP, CONTROL] });
  image.write(offsetBytes, Uint8Array.of(0xee));
  const gpt = readGpt(image.file());
  expect(gpt.from).toBe("backup");
  expect(gpt.problem).toContain(why);
  expect(gpt.partitions.map(({ label }) => label)).toEqual(["esp", "tandem-control"]);
});

test("readGpt() names the problems of both tables", () => {
  const image = gptImage({ partitions: [ESP] });
  image.write(512, new Uint8Array(512));
  image.write(image.sizeBytes - 512 + 60, Uint8Array.of(0xee));
  expect(() => readGpt(image.file("/dev/x"))).toThrow(
    /^Cannot read the partition table of \/dev\/x: primary: no "EFI PART" at sector 1 .*; backup: the checksum of the header at sector 8191 is wrong/,
  );
});

test("readGpt() reads the backup when the primary table cannot be read", () => {
  const image = gptImage({ partitions: [ESP] });
  const file = image.file();
  const gpt = readGpt({
    ...file,
    readInto(offsetBytes, target) {
      if (offsetBytes < 8192) throw new TandemError("disk", "Cannot read: I/O error");
      file.readInto(offsetBytes, target);
    },
  });
  expect(gpt).toMatchObject({ from: "backup", problem: expect.stringContaining("I/O error") });
});

const WRONG: readonly [string, Partial<TableSetup>, string][] = [
  ["a header too small", { change: (h) => h.setUint32(12, 91, true) }, "claims a size of 91"],
  ["a header too large", { change: (h) => h.setUint32(12, 513, true) }, "claims a size of 513"],
  ["another place", { change: (h) => h.setBigUint64(24, 7n, true) }, "belongs at sector 7"],
  ["small entries", { change: (h) => h.setUint32(84, 127, true) }, "a size of 127 bytes"],
  ["odd entries", { change: (h) => h.setUint32(84, 129, true) }, "a size of 129 bytes"],
  ["many entries", { change: (h) => h.setUint32(80, 8193, true) }, "8193 entries"],
  [
    "far entries",
    { change: (h) => h.setBigUint64(72, 8160n + 1n, true) },
    "do not lie on the disk",
  ],
  ["absurd entries", { change: (h) => h.setBigUint64(72, 2n ** 63n, true) }, "there is no sector"],
  ["other entries", { change: (h) => h.setBigUint64(72, 100n, true) }, "of the entries is wrong"],
  ["a low partition", { partitions: [{ ...ESP, firstLba: 33 }] }, "claims sectors 33 to 127"],
  ["a high partition", { partitions: [{ ...ESP, lastLba: 8159 }] }, "claims sectors 64 to 8159"],
  ["no sectors", { partitions: [{ ...ESP, lastLba: 63 }] }, "claims sectors 64 to 63"],
  [
    "a partition beyond the disk",
    {
      partitions: [{ ...ESP, lastLba: 9000 }],
      change: (h) => h.setBigUint64(48, 10_000n, true),
    },
    "claims sectors 64 to 9000",
  ],
];
test.each(WRONG)("readGpt() refuses %s", (_, setup, why) => {
  const image = gptImage({ partitions: [ESP], ...setup });
  expect(() => readGpt(image.file())).toThrow(why);
});

test.each([0, 1, 511, 512, 1024, 4096])("readGpt() refuses a disk of %i bytes", (sizeBytes) => {
  const image = gptImage({ partitions: [ESP] });
  const small = { ...image.file(), sizeBytes };
  expect(() => readGpt(small)).toThrow(TandemError);
});

test.each([
  ["esp", 1],
  ["none", undefined],
] as const)("findPartition(%s) finds number %p", (label, number) => {
  const gpt = readGpt(gptImage({ partitions: [ESP, CONTROL] }).file());
  expect(findPartition(gpt, label)?.number).toBe(number);
});

test("findPartition() refuses two partitions with one label", () => {
  const gpt = readGpt(
    gptImage({ partitions: [ESP, CONTROL, { ...SLOT, label: "esp" }] }).file("d"),
  );
  expect(() => findPartition(gpt, "esp")).toThrow(
    'Cannot find partition "esp" on d: partitions 1, 3 all have this label',
  );
});

test("overlapping() finds the partitions that share a sector, not the neighbours", () => {
  const inner = { label: "inner", firstLba: 2175, lastLba: 2175 };
  const gpt = readGpt(gptImage({ partitions: [ESP, CONTROL, SLOT, inner] }).file());
  const labels = gpt.partitions.map((partition) =>
    overlapping(gpt, partition).map(({ label }) => label),
  );
  expect(labels).toEqual([[], ["inner"], [], ["tandem-control"]]);
});

test("readGpt() throws only TandemErrors, for any bytes", () => {
  const whole = gptImage({ partitions: [ESP, CONTROL, SLOT] });
  const spot = fc.record({
    at: fc.oneof(
      fc.nat(2047),
      fc.nat(255).map((back) => whole.sizeBytes - 512 + back),
      fc.nat(255).map((back) => whole.sizeBytes - 512 - 128 * 128 + back),
    ),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }),
    sealed: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(spot, { minLength: 1, maxLength: 6 }), (spots) => {
      const image = whole.fork();
      for (const { at, bytes } of spots) image.write(at, bytes);
      if (spots[0]?.sealed === true)
        for (const at of [512, whole.sizeBytes - 512]) reseal(image, at);
      try {
        for (const { offsetBytes, sizeBytes } of readGpt(image.file()).partitions)
          expect(offsetBytes + sizeBytes).toBeLessThanOrEqual(image.sizeBytes);
      } catch (error) {
        expect(error).toBeInstanceOf(TandemError);
      }
    }),
    { numRuns: 500 },
  );
});

/** Corrects the header's checksum, so that the test reaches the checks of the fields. */
function reseal(image: ReturnType<typeof gptImage>, offsetBytes: number): void {
  const header = Buffer.alloc(512);
  image.readInto(offsetBytes, header);
  header.writeUInt32LE(0, 16);
  const sizeBytes = Math.min(512, header.readUInt32LE(12));
  header.writeUInt32LE(Bun.hash.crc32(header.subarray(0, sizeBytes)), 16);
  image.write(offsetBytes, header);
}

test("readGpt() refuses a table for another sector size than the device's, and says so", () => {
  const partitions = [{ label: "one", firstLba: 2048, lastLba: 4095 }];
  const file = gptImage({ partitions }).file("disk");
  expect(readGpt({ ...file, sectorBytes: 512 }).sectorBytes).toBe(512);
  expect(() => readGpt({ ...file, sectorBytes: 4096 })).toThrow(
    "there is one for sectors of 512 bytes, which the device does not have",
  );
});

test("readGpt() prefers the table for the device's sector size to a stale one", () => {
  const stale = gptImage({ partitions: [{ label: "old", firstLba: 2048, lastLba: 4095 }] });
  const real = gptImage({
    sectorBytes: 4096,
    partitions: [{ label: "new", firstLba: 256, lastLba: 511 }],
  });
  // With 512-byte sectors the header lies in the first 4096 bytes, and its entries follow.
  real.write(512, readBlock(stale.file(), 512, 7 * 512));
  const { partitions } = readGpt({ ...real.file(), sectorBytes: 4096 });
  expect(partitions.map(({ label }) => label)).toEqual(["new"]);
});
