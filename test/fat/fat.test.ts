import { expect, test } from "bun:test";
import fc from "fast-check";
import { Fat } from "../../src/fat/fat.ts";
import type { FileContent } from "../../src/fat/data.ts";
import { readGeometry } from "../../src/fat/geometry.ts";
import { TandemError } from "../../src/lib/error.ts";
import { fatImage } from "../fakes/fat-image.ts";
import { pattern } from "../fakes/image.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { rejection } from "../fakes/source.ts";

const contentOf = (bytes: Uint8Array): FileContent => ({
  sizeBytes: bytes.byteLength,
  read: () => [bytes.subarray(0, 1000), bytes.subarray(1000)],
});
const hashOf = (fat: Fat, path: string): string | undefined => {
  const content = fat.read(path);
  if (content === undefined) return undefined;
  const hasher = new Bun.CryptoHasher("sha256");
  for (const chunk of content.read()) hasher.update(chunk);
  return hasher.digest("hex");
};
const sha256 = (bytes: Uint8Array): string => Bun.SHA256.hash(bytes, "hex");

test.each([32, 16] as const)("Fat reads back what it wrote to a FAT%i", async (bits) => {
  const image = fatImage(bits);
  const fat = Fat.open(image.file());
  const before = fat.freeBytes;
  await fat.makeFolder("/tandem");
  await fat.makeFolder("/tandem");
  const free = fat.freeBytes;
  await fat.write("/tandem/tandem-b+3.conf", contentOf(pattern(5000)));
  await fat.write("/tandem/empty", contentOf(new Uint8Array()));
  const again = Fat.open(image.file());
  expect(again.list("/tandem")).toEqual([
    { name: "tandem-b+3.conf", isFolder: false, sizeBytes: 5000 },
    { name: "empty", isFolder: false, sizeBytes: 0 },
  ]);
  expect(hashOf(again, "/Tandem/TANDEM-b+3.conf")).toBe(sha256(pattern(5000)));
  expect(hashOf(again, "/tandem/empty")).toBe(sha256(new Uint8Array()));
  expect([again.list("/other"), again.read("/tandem"), again.read("/x/y")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await again.remove("/tandem/tandem-b+3.conf");
  await again.remove("/tandem/empty");
  await again.remove("/tandem/empty");
  expect(again.freeBytes).toBe(free);
  await again.remove("/tandem");
  expect([again.freeBytes, again.list("/")]).toEqual([before, []]);
});

test.each([
  ["/there", "it is there already"],
  ["/no/file", "its folder is not there"],
  ["/no\u0001", "FAT has no such names"],
  ["/ends.", "FAT has no such names"],
])("write() to %j is refused: %s", async (path, why) => {
  const fat = Fat.open(fatImage().file());
  await fat.write("/there", contentOf(pattern(1)));
  expect(await rejection(fat.write(path, contentOf(pattern(1))))).toMatchObject({
    code: "disk",
    message: expect.stringContaining(why),
  });
});

test.each([
  [5, 4],
  [4, 5],
  [0, 1],
])("write() of content that claims %i bytes and has %i leaves no file", async (claimed, has) => {
  const fat = Fat.open(fatImage().file());
  const free = fat.freeBytes;
  const content = { sizeBytes: claimed, read: () => [pattern(has)] };
  expect(await rejection(fat.write("/file", content))).toMatchObject({ code: "disk" });
  expect([fat.list("/"), fat.freeBytes]).toEqual([[], free]);
});

test("write() of more than the free space names the free space", async () => {
  const fat = Fat.open(fatImage().file());
  const { freeBytes } = fat;
  const tooMuch = { sizeBytes: freeBytes + 1, read: () => [] };
  const error = await rejection(fat.write("/file", tooMuch));
  expect(error).toMatchObject({
    code: "no-space",
    message: `Cannot write /file to image: needs ${freeBytes + 1} bytes, has ${freeBytes}`,
  });
});

test("read() of a fragmented file returns its bytes in order", async () => {
  const fat = Fat.open(fatImage().file());
  for (let index = 0; index < 20; index += 1)
    await fat.write(`/${index}`, contentOf(pattern(512 * 3)));
  const rest = fat.freeBytes - 512 * 8;
  await fat.write("/rest", contentOf(pattern(rest)));
  for (let index = 0; index < 20; index += 2) await fat.remove(`/${index}`);
  await fat.write("/pieces", contentOf(pattern(512 * 30 + 1)));
  expect(hashOf(fat, "/pieces")).toBe(sha256(pattern(512 * 30 + 1)));
  expect(hashOf(fat, "/rest")).toBe(sha256(pattern(rest)));
});

test("remove() refuses a folder that is not empty", async () => {
  const fat = Fat.open(fatImage().file());
  await fat.makeFolder("/tandem");
  await fat.write("/tandem/file", contentOf(pattern(1)));
  expect(await rejection(fat.remove("/tandem"))).toMatchObject({ code: "disk" });
});

/** Adds a second name for the clusters of "ONE", as firmware does that loses power while it renames a file. */
function withTwoNames(image: PagedImage): void {
  const fat = image.bytes();
  const at = Buffer.from(fat).indexOf("ONE        ");
  const slot = fat.slice(at, at + 32);
  slot.set(Buffer.from("TWO        "));
  image.write(at + 32, slot);
}

test("remove() of one of two names for the same clusters keeps the clusters for the other", async () => {
  const image = fatImage();
  await Fat.open(image.file()).write("/ONE", contentOf(pattern(700)));
  withTwoNames(image);
  const fat = Fat.open(image.file());
  await fat.remove("/ONE");
  await fat.write("/new", contentOf(new Uint8Array(700)));
  expect(hashOf(fat, "/TWO")).toBe(sha256(pattern(700)));
});

test("reclaim() accepts two names of one file, and refuses other files that share clusters", async () => {
  const image = fatImage();
  const fat = Fat.open(image.file());
  await fat.write("/OTHER", contentOf(pattern(700)));
  await fat.write("/ONE", contentOf(pattern(700)));
  withTwoNames(image);
  expect(await Fat.open(image.file()).reclaim()).toBe(0);
  expect(Fat.open(image.file()).flaw()).toBeUndefined();
  const { tableOffsets } = readGeometry(image.file());
  // The root has cluster 2, the files have 3 and 4, 5 and 6. Now the second file continues in the first.
  for (const at of tableOffsets) image.write(at + 5 * 4, Uint8Array.of(4));
  expect(await rejection(Fat.open(image.file()).reclaim())).toMatchObject({
    message: expect.stringContaining("it shares clusters with another"),
  });
  expect(Fat.open(image.file()).flaw()).toContain("it shares clusters with another");
});

test("list() ignores slots of a long name without a main slot before the next file", async () => {
  const image = fatImage();
  const fat = Fat.open(image.file());
  await fat.write("/first long name", contentOf(pattern(1)));
  await fat.write("/second long name", contentOf(pattern(2)));
  const at = Buffer.from(image.bytes()).indexOf("FIRSTL~1");
  const slots = image.bytes().slice(at - 64, at + 96 + 32);
  // Remove the main slot of the first name.
  slots.copyWithin(64, 96);
  slots.fill(0, 160);
  image.write(at - 64, slots);
  expect(
    Fat.open(image.file())
      .list("/")
      ?.map(({ name }) => name),
  ).toEqual(["second long name"]);
});

interface Files {
  readonly [name: string]: string | undefined;
}

async function started(bits: 16 | 32): Promise<PagedImage> {
  const image = fatImage(bits);
  const fat = Fat.open(image.file());
  await fat.makeFolder("/loader");
  for (const [name, size] of [
    ["old.conf", 700],
    ["kept", 1300],
  ] as const)
    await fat.write(`/loader/${name}`, contentOf(pattern(size)));
  // Fill the folder, so that it has to grow and sectors end in the middle of a name.
  for (let index = 0; index < 9; index += 1)
    await fat.makeFolder(`/loader/a folder with a name of several slots ${index}`);
  return image;
}

function filesOf(image: PagedImage): Files {
  const fat = Fat.open(image.file());
  const files = (fat.list("/loader") ?? []).filter(({ isFolder }) => !isFolder);
  return Object.fromEntries(files.map(({ name }) => [name, hashOf(fat, `/loader/${name}`)]));
}

test.each([32, 16] as const)(
  "Fat leaves each file in its old or new state after any power cut, on a FAT%i",
  async (bits) => {
    const start = await started(bits);
    const recorded = new RecordedDisk(start);
    const fat = Fat.open(recorded.file);
    await fat.write("/loader/tandem-b+3.conf", contentOf(pattern(1100)));
    await fat.remove("/loader/old.conf");
    await fat.makeFolder("/loader/sub");
    const names = ["old.conf", "kept", "tandem-b+3.conf"];
    const states = new Set<string>();
    const free = fat.freeBytes;
    for (const { name, image } of recorded.cuts()) {
      const files = filesOf(image);
      const present = names.filter((one) => files[one] !== undefined);
      expect({ name, files }).toEqual({
        name,
        files: Object.fromEntries(
          present.map((one) => [
            one,
            sha256(pattern({ "old.conf": 700, kept: 1300 }[one] ?? 1100)),
          ]),
        ),
      });
      states.add(present.join(" "));
      const after = Fat.open(image.file());
      await after.reclaim();
      await after.remove("/loader/old.conf");
      await after.remove("/loader/tandem-b+3.conf");
      await after.write("/loader/tandem-b+3.conf", contentOf(pattern(1100)));
      await after.makeFolder("/loader/sub");
      expect({ name, free: after.freeBytes }).toEqual({ name, free });
    }
    expect([...states]).toEqual([
      "old.conf kept",
      "old.conf kept tandem-b+3.conf",
      "kept tandem-b+3.conf",
    ]);
  },
);

/** Offset and size of the parts where damage matters: boot sector, start of the table, root, first clusters. */
const WEAK: readonly (readonly [number, number])[] = [
  [0, 64],
  [512, 64],
  [512 + 2 * 33 * 512, 64],
  [512 + 2 * 33 * 512 + 512 * 32, 8192],
];

test("Fat throws only TandemErrors for a damaged file system", async () => {
  const start = await started(16);
  const damage = fc.tuple(fc.nat(WEAK.length - 1), fc.nat(8191), fc.nat(255));
  let read = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (changes) => {
      const image = start.fork();
      for (const [index, at, value] of changes) {
        const [from = 0, length = 1] = WEAK[index] ?? [];
        image.write(from + (at % length), Uint8Array.of(value));
      }
      try {
        filesOf(image);
        await Fat.open(image.file()).reclaim();
        read += 1;
      } catch (error) {
        if (!(error instanceof TandemError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  expect(read).toBeGreaterThan(0);
});
