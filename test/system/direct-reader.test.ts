import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { directMemory } from "../../src/system/direct-memory.ts";
import { DirectReader } from "../../src/system/direct-reader.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-direct-"));
afterAll(() => rmSync(folder, { recursive: true }));
const PATH = join(folder, "file");
writeFileSync(PATH, new Uint8Array(12288).fill(5));

async function readFrom(path: string, offsetBytes: number): Promise<number | undefined> {
  const fd = openSync(path, "r");
  const reader = new DirectReader(fd);
  try {
    return await reader.read(offsetBytes, directMemory(8192));
  } finally {
    reader.close();
    closeSync(fd);
  }
}

test.each([
  ["as much as was asked for", 4096, 8192],
  ["less where the file ends", 8192, 4096],
  ["nothing behind the end", 12288, 0],
])("read() returns %s, or undefined without O_DIRECT", async (_, offsetBytes, sizeBytes) => {
  expect([sizeBytes, undefined]).toContain(await readFrom(PATH, offsetBytes));
});

test("read() is undefined for a file without O_DIRECT", async () => {
  expect(await readFrom("/proc/version", 0)).toBeUndefined();
});

test("read() throws the file's own errors", async () => {
  const fd = openSync(folder, "r");
  const attempt = new DirectReader(fd).read(0, directMemory(4096));
  // Some file systems refuse to open a folder with O_DIRECT.
  expect(await attempt.catch((error: unknown) => String(error))).toSatisfy(
    (result) => result === undefined || String(result).includes("EISDIR"),
  );
  closeSync(fd);
});
