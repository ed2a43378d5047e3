import { afterAll, expect, test } from "bun:test";
import { appendFileSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { type Content, contentOf } from "../../src/write/content.ts";
import { writeImage, type WriteJob } from "../../src/write/write-image.ts";
import { directorySource, systemDirectory } from "../fakes/directory.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";

const base = mkdtempSync(join(tmpdir(), "tandem-tree-"));
afterAll(() => rmSync(base, { recursive: true }));

const WORK = { talk: SILENT, signal: new AbortController().signal };

function directory(name: string): string {
  const path = join(base, name);
  systemDirectory(path, "v1");
  return path;
}

const contentIn = async (path: string): Promise<Content> =>
  contentOf(await directorySource(path), WORK);

function jobOn(image: PagedImage, content: Content): WriteJob<undefined> {
  return {
    ...WORK,
    content,
    target: { block: image.file("slot b"), path: undefined, offsetBytes: 0 },
    identity: { uuid: "01234567-89ab-cdef-0123-456789abcdef", label: "x", timeSeconds: 0 },
    jobs: 1,
    cores: 1,
    withoutHoles: () => new Set(),
    inspect: () => undefined,
  };
}

test("a directory becomes the same file system each time", async () => {
  const path = directory("same");
  linkSync(join(path, "etc/os-release"), join(path, "etc/again"));
  writeFileSync(join(path, "etc/.wh.odd"), "no marker in a directory");
  writeFileSync(join(path, "large"), Buffer.alloc(3 * MiB + 5, "large "));
  const [one, other] = [PagedImage.zeros(16 * MiB), PagedImage.zeros(16 * MiB)];
  const { inodes } = await writeImage(jobOn(one, await contentIn(path)));
  await writeImage(jobOn(other, await contentIn(path)));
  expect(Buffer.compare(one.bytes(), other.bytes())).toBe(0);
  const { root } = openFileSystem(one.file());
  const etc = root.children.get(byteStringOf("etc"));
  if (etc?.kind !== "directory") throw new Error("/etc is no directory");
  expect([...etc.children.keys()].toSorted()).toEqual(
    [".wh.odd", "again", "os-release"].map(byteStringOf),
  );
  const [first, second] = ["again", "os-release"].map((name) =>
    etc.children.get(byteStringOf(name)),
  );
  // One inode: the data of both names lies in the same block.
  expect(first).toEqual(second);
  expect(root.children.get(byteStringOf("large"))).toMatchObject({ sizeBytes: 3 * MiB + 5 });
  expect(inodes).toBeGreaterThan(5);
});

test("a directory says what it needs before anything is written", async () => {
  const path = directory("needs");
  writeFileSync(join(path, "large"), Buffer.alloc(5 * MiB, "x"));
  const content = await contentIn(path);
  expect(content).toMatchObject({ name: `dir:${path}`, parts: 1 });
  expect(content.amount).toMatch(/^7 files and directories, 5\.\d MiB to copy$/);
  const image = PagedImage.zeros(4 * MiB);
  expect(await rejection(writeImage(jobOn(image, content)))).toMatchObject({
    code: "no-space",
    message: `Cannot write dir:${path} to slot b: needs more than ${content.needBytes} bytes (its data), has ${4 * MiB}`,
  });
  expect(image.bytes()).toEqual(new Uint8Array(4 * MiB));
});

test("a directory that changes before it is copied leaves no file system", async () => {
  const path = directory("changes");
  const content = await contentIn(path);
  appendFileSync(join(path, "etc/os-release"), "more");
  const image = PagedImage.zeros(16 * MiB);
  expect(await rejection(writeImage(jobOn(image, content)))).toMatchObject({
    code: "content",
    message: expect.stringContaining(`Cannot read "etc/os-release" of dir:${path}: it, or`),
  });
  expect(image.bytes().subarray(0, 4 * KiB)).toEqual(new Uint8Array(4 * KiB));
});
