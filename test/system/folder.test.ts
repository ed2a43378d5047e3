import { afterAll, expect, test } from "bun:test";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  openSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { byteString, byteStringOf } from "../../src/lib/byte-string.ts";
import { openFolder } from "../../src/system/folder.ts";

const path = mkdtempSync(join(tmpdir(), "tandem-folder-"));
afterAll(() => rmSync(path, { recursive: true }));
const named = byteStringOf;

test("a folder gives the names as bytes, in their order", () => {
  mkdirSync(join(path, "names"));
  const odd = Buffer.concat([Buffer.from(`${path}/names/`), Buffer.from([0x80, 0xff])]);
  for (const name of ["b", "a b", "ü"]) writeFileSync(join(path, "names", name), "");
  writeFileSync(odd, "x");
  const folder = openFolder(join(path, "names"));
  const oddName = byteString(Buffer.from([0x80, 0xff]));
  expect(folder.names()).toEqual([named("a b"), named("b"), oddName, named("ü")]);
  expect(folder.statusOf(oddName)).toMatchObject({ kind: "file", sizeBytes: 1 });
  expect(folder.statusOf(named("none"))).toBeUndefined();
  folder.close();
});

test("a folder gives all names of a large directory", () => {
  mkdirSync(join(path, "large"));
  const names = Array.from({ length: 400 }, (_, index) => `${index}`.padEnd(250, "x"));
  for (const name of names) writeFileSync(join(path, "large", name), "");
  const folder = openFolder(join(path, "large"));
  expect([...folder.names()]).toEqual(names.map(named).toSorted());
  folder.close();
});

test("a symbolic link is an entry and never followed", () => {
  mkdirSync(join(path, "links/real"), { recursive: true });
  writeFileSync(join(path, "secret"), "x");
  symlinkSync("../secret", join(path, "links/file"));
  symlinkSync("real", join(path, "links/folder"));
  const folder = openFolder(join(path, "links"));
  expect(folder.statusOf(named("file"))?.kind).toBe("symlink");
  expect(folder.linkTarget(named("file"))).toBe(named("../secret"));
  expect(() => folder.file(named("file"))).toThrow(expect.objectContaining({ code: "ELOOP" }));
  expect(() => folder.folder(named("folder"))).toThrow(
    expect.objectContaining({ code: "ENOTDIR" }),
  );
  folder.folder(named("real")).close();
  folder.close();
});

test("a file tells its data and its holes", () => {
  const name = join(path, "holes");
  const fd = openSync(name, "w");
  writeSync(fd, Buffer.alloc(4096, "x"), 0, 4096, 1024 * 1024);
  closeSync(fd);
  truncateSync(name, 4 * 1024 * 1024);
  const folder = openFolder(path);
  const file = folder.file(named("holes"));
  const first = file.nextData(0);
  expect(first).toMatchObject({ offsetBytes: 1024 * 1024 });
  expect(file.nextData(first?.endBytes ?? 0)).toBeUndefined();
  const target = new Uint8Array(4);
  expect(file.read(1024 * 1024, target)).toBe(4);
  expect(Buffer.from(target).toString()).toBe("xxxx");
  expect(file.status()).toMatchObject({ sizeBytes: 4 * 1024 * 1024 });
  file.close();
  folder.close();
});

test("hard links have one identity, and a change gives another version", () => {
  writeFileSync(join(path, "one"), "x");
  linkSync(join(path, "one"), join(path, "two"));
  const folder = openFolder(path);
  const before = folder.statusOf(named("one"));
  expect(folder.statusOf(named("two"))?.identity).toBe(before?.identity ?? "");
  expect(before?.links).toBe(2);
  expect(folder.statusOf(named("one"))?.version).toBe(before?.version ?? "");
  writeFileSync(join(path, "two"), "longer");
  expect(folder.statusOf(named("one"))?.version).not.toBe(before?.version ?? "");
  folder.close();
});

test("what is no directory is not opened", () => {
  expect(() => openFolder(join(path, "one"))).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  expect(() => openFolder(join(path, "none"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
