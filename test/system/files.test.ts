import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { linuxFiles } from "../../src/system/files.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-files-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "file");
writeFileSync(file, "0123456789");
mkdirSync(join(folder, "b"));

test("readText() and readBytes() read a whole file, and are undefined for a missing one", () => {
  expect(linuxFiles.readText(file)).toBe("0123456789");
  expect(linuxFiles.readBytes(file)?.byteLength).toBe(10);
  expect(linuxFiles.readText(`${folder}/none`)).toBeUndefined();
  expect(linuxFiles.readText(`${file}/none`)).toBeUndefined();
  expect(linuxFiles.exists(file)).toBe(true);
  expect(linuxFiles.exists(`${folder}/none`)).toBe(false);
  expect([file, folder, `${folder}/fifo`].map((path) => linuxFiles.kind(path))).toEqual([
    "a file",
    "a directory",
    "a FIFO",
  ]);
  expect(linuxFiles.kind(`${file}/none`)).toBeUndefined();
  expect(linuxFiles.list(folder)).toEqual(["b", "fifo", "file", "socket"]);
  expect(linuxFiles.list(`${folder}/none`)).toEqual([]);
});

test("readInto() reads a part of a file, or throws", () => {
  const opened = linuxFiles.open(file);
  const target = new Uint8Array(4);
  opened.readInto(3, target);
  expect(new TextDecoder().decode(target)).toBe("3456");
  expect(opened.sizeBytes).toBe(10);
  expect(() => opened.readInto(8, target)).toThrow("it ends at 10");
  opened.close();
});

const fifo = join(folder, "fifo");
Bun.spawnSync(["mkfifo", fifo]);
const socket = join(folder, "socket");
const server = Bun.listen({ unix: socket, socket: { data() {} } });
afterAll(() => server.stop());

test.each([
  ["a directory", join(folder, "b")],
  ["a FIFO", fifo],
  ["a socket", socket],
  ["a character device", "/dev/zero"],
])("readText() and open() refuse %s at once", (kind, path) => {
  for (const action of [
    () => linuxFiles.open(path),
    () => linuxFiles.readText(path),
    () => linuxFiles.readBytes(path),
  ])
    expect(action).toThrow(`it is ${kind}, want a regular file`);
});

test("readText() reads /dev/null as an empty file, because links to it mask files", () => {
  expect(linuxFiles.readText("/dev/null")).toBe("");
  expect(() => linuxFiles.open("/dev/null")).toThrow("it is a character device");
});

test("open() throws for a missing file", () => {
  expect(() => linuxFiles.open(`${folder}/none`)).toThrow("ENOENT");
});

test("readBytes() refuses a file of more than 16 MiB", () => {
  const large = join(folder, "large");
  writeFileSync(large, new Uint8Array(16 * 1024 * 1024 + 1));
  expect(() => linuxFiles.readBytes(large)).toThrow("want at most 16777216");
});
