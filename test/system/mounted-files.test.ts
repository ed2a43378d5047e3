import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { linuxMountedFiles as files } from "../../src/system/mounted-files.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("a second name leads to the same file, a renamed file replaces another one", async () => {
  await using folder = await temporaryFolder();
  const [a, b, c] = [folder.in("a"), folder.in("b"), folder.in("c")];
  files.create(a, Buffer.from("first"));
  files.create(c, Buffer.from("other"));
  files.link(a, b);
  expect(files.stat(b)).toEqual(files.stat(a));
  expect(files.stat(c)?.identity).not.toBe(files.stat(a)?.identity ?? "");
  expect(() => files.link(a, c)).toThrow("EEXIST");
  files.rename(c, a);
  files.flush(a);
  expect(text(files.read(a, 0, 5))).toBe("other");
  files.remove(b);
  expect(files.stat(b)).toBeUndefined();
});

test("write() changes bytes in place and never the size", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  writeFileSync(path, "0123456789");
  const before = files.stat(path);
  files.write(path, 4, Buffer.from("xyz"));
  files.flush(folder.path);
  expect(readFileSync(path, "utf8")).toBe("0123xyz789");
  expect(files.stat(path)).toEqual(before);
  expect(() => files.write(path, 8, Buffer.from("xyz"))).toThrow("it has 10 bytes, want 11");
  expect(() => files.write(folder.in("none"), 0, Buffer.from("x"))).toThrow("ENOENT");
});

test("create() refuses a path that exists, read() a range that does not", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  files.create(path, Buffer.from("x"));
  expect(() => files.create(path, Buffer.from("y"))).toThrow("EEXIST");
  expect(() => files.read(path, 0, 2)).toThrow("it ends at 1");
});

test("stat() refuses a folder", async () => {
  await using folder = await temporaryFolder();
  mkdirSync(folder.in("sub"));
  expect(() => files.stat(folder.in("sub"))).toThrow("it is not a regular file");
});

test("flush() says when there is nothing to flush", () =>
  expect(() => files.flush("/nowhere/at/all")).toThrow("ENOENT"));
