import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { directMemory } from "../../src/system/direct-memory.ts";
import { createBlockFile, openBlockFile } from "../../src/system/linux-block-file.ts";
import { patternOf } from "../fakes/pattern.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-block-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
mkdirSync(at("folder"));

test("createBlockFile() makes a file of zeros that takes no space", () => {
  const file = createBlockFile(at("new"), 2 ** 33);
  expect(file).toMatchObject({ name: at("new"), sizeBytes: 2 ** 33 });
  expect(readBlock(file, 2 ** 33 - 5, 5)).toEqual(new Uint8Array(5));
  expect(statSync(at("new")).blocks).toBe(0);
  file.close();
});

test("createBlockFile() makes files with mode 0600, and does not touch an existing file", () => {
  createBlockFile(at("made"), 10).close();
  expect(statSync(at("made")).mode & 0o7777).toBe(0o600);
  writeFileSync(at("old"), "0123456789");
  expect(caught(() => createBlockFile(at("old"), 4))).toMatchObject({ code: "disk" });
  expect(readFileSync(at("old"), "utf8")).toBe("0123456789");
});

test("empty() replaces a file's content by zeros of another size", () => {
  writeFileSync(at("full"), "0123456789");
  const file = openBlockFile(at("full"), { write: true });
  for (const size of [4, 12]) {
    file.empty?.(size);
    expect(file.sizeBytes).toBe(size);
    expect(readBlock(file, 0, size)).toEqual(new Uint8Array(size));
    file.write(0, Uint8Array.of(1));
  }
  file.close();
  expect(statSync(at("full")).size).toBe(12);
});

test("readInto() returns what write() wrote, also from the medium", async () => {
  const file = createBlockFile(at("data"), 1 << 20);
  const bytes = patternOf(60_000);
  file.write(2 ** 19 + 1, bytes);
  await file.flush();
  file.dropCache(0, 1 << 20);
  expect(readBlock(file, 2 ** 19 + 1, bytes.byteLength)).toEqual(bytes);
  file.close();
  const again = openBlockFile(at("data"), { write: false });
  expect(readBlock(again, 2 ** 19 + 1, bytes.byteLength)).toEqual(bytes);
  again.close();
});

test("readInto() throws for a range beyond the end", () => {
  const file = createBlockFile(at("short"), 10);
  expect(() => readBlock(file, 8, 4)).toThrow(
    `Cannot read ${at("short")} at byte 10: it ends there`,
  );
  truncateSync(at("short"), 5);
  expect(() => readBlock(file, 0, 10)).toThrow("at byte 5: it ends there");
  file.close();
});

test("read() returns the same bytes as readInto()", async () => {
  const file = createBlockFile(at("later"), 2 * MiB);
  const bytes = Uint8Array.from({ length: MiB }, (_, index) => (index * 7) % 251);
  file.write(4096, bytes);
  await file.flush();
  file.dropCache(0, 2 * MiB);
  const target = new Uint8Array(MiB);
  await file.read(4096, target);
  expect(Buffer.compare(target, bytes)).toBe(0);
  // Neither the offset nor the memory is aligned to a block.
  await file.read(4097, target.subarray(1));
  expect(Buffer.compare(target.subarray(1), bytes.subarray(1))).toBe(0);
  await expect(file.read(2 * MiB - 5, target)).rejects.toMatchObject({
    code: "disk",
    message: `Cannot read ${at("later")} at byte ${2 * MiB}: it ends there`,
  });
  file.close();
});

test("read() bypasses the page cache where offset, size and memory are aligned", async () => {
  const file = createBlockFile(at("direct"), MiB + 10);
  const bytes = patternOf(8192);
  file.write(4096, bytes);
  file.write(MiB, bytes.subarray(0, 10));
  const target = directMemory(8192);
  expect(await file.read(4096, target)).toBe(hasDirectReads(at("direct")) ? "direct" : "cached");
  expect(Buffer.compare(target, bytes)).toBe(0);
  await file.read(MiB, target.subarray(0, 10));
  expect(Buffer.compare(target, bytes)).toBe(0);
  file.close();
});

test("read() reads the opened file, even when another file has taken its name", async () => {
  const file = createBlockFile(at("first"), 4096);
  file.write(0, new Uint8Array(4096).fill(1));
  writeFileSync(at("second"), new Uint8Array(4096).fill(2));
  renameSync(at("second"), at("first"));
  const target = directMemory(4096);
  await file.read(0, target);
  expect(target[0]).toBe(1);
  file.close();
});

test("close() leaves no descriptor open", async () => {
  writeFileSync(at("counted"), new Uint8Array(4096));
  const before = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 5; round += 1) {
    const file = openBlockFile(at("counted"), { write: false });
    await file.read(0, directMemory(4096));
    file.close();
  }
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 5);
});

function hasDirectReads(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY + constants.O_DIRECT));
    return true;
  } catch {
    return false;
  }
}

test("write() throws for a file that is open for reading", () => {
  writeFileSync(at("read-only"), "0123");
  const file = openBlockFile(at("read-only"), { write: false });
  expect(caught(() => file.write(0, Uint8Array.of(1)))).toMatchObject({ code: "disk" });
  expect(readBlock(file, 0, 4)).toEqual(new TextEncoder().encode("0123"));
  file.close();
});

test("the errors of a closed file name the operation and the path", async () => {
  const file = createBlockFile(at("closed"), 10);
  file.close();
  await expect(file.flush()).rejects.toThrow(`Cannot flush ${at("closed")}: EBADF`);
  expect(() => readBlock(file, 0, 1)).toThrow(`Cannot read ${at("closed")}: EBADF`);
});

test.each([
  ["nothing", at("none"), "Cannot open"],
  ["a folder", at("folder"), "Cannot open"],
  ["a character device", "/dev/full", "Cannot open /dev/full: it is a character device"],
  ["a path through a file", `${at("folder")}/../old/x`, "Cannot open"],
])("openBlockFile() refuses %s", (_, path, message) => {
  const error = caught(() => openBlockFile(path, { write: true }));
  expect(error).toMatchObject({ code: "disk" });
  expect(error.message).toStartWith(message);
});

test.each([
  ["a folder", at("folder")],
  ["a path through nothing", at("none/file")],
])("createBlockFile() refuses %s", (_, path) => {
  expect(caught(() => createBlockFile(path, 1))).toMatchObject({ code: "disk" });
});

test.each([
  ["resize", `createBlockFile(path, ${2 ** 20});`],
  ["write", `createBlockFile(path, 8192).write(${2 ** 20}, new Uint8Array(1));`],
])('a %s without free space throws "no-space"', async (verb, action) => {
  const program = `
    import { createBlockFile } from "./src/system/linux-block-file.ts";
    const path = ${JSON.stringify(at(`limited-${verb}`))};
    try { ${action} } catch (error) { console.log(error.code, error.message); }`;
  // ulimit -f: files of this shell and its children may have 64 KiB.
  const shell = ["bash", "-c", `trap "" XFSZ; ulimit -f 64; exec "$@"`, "bash"];
  const child = Bun.spawn([...shell, process.execPath, "-e", program], { stdout: "pipe" });
  expect(await child.stdout.text()).toStartWith(
    `no-space Cannot ${verb} ${at(`limited-${verb}`)}: EFBIG`,
  );
  // A file that could not be completed is removed.
  expect(existsSync(at(`limited-${verb}`))).toBe(verb === "write");
});

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not throw an Error");
}
