import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, statfsSync, writeFileSync } from "node:fs";
import { MiB } from "../../src/lib/units.ts";
import { allocate } from "../../src/system/allocate.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("allocate() makes a file of zeros that has all its blocks", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  allocate(path, 3 * MiB);
  const { size, blocks, mode } = statSync(path);
  expect({ size, mode: mode % 0o1000 }).toEqual({ size: 3 * MiB, mode: 0o600 });
  expect(512 * blocks).toBeGreaterThanOrEqual(3 * MiB);
  expect(readFileSync(path).every((byte) => byte === 0)).toBe(true);
});

test("allocate() says how many bytes are missing, and leaves no file", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  const { blocks, bsize } = statfsSync(folder.path);
  const sizeBytes = blocks * bsize + MiB;
  expect(() => allocate(path, sizeBytes)).toThrow(
    expect.objectContaining({
      code: "no-space",
      message: expect.stringContaining(`Cannot make ${path}: needs ${sizeBytes} bytes, its file `),
    }),
  );
  expect(existsSync(path)).toBe(false);
});

test("allocate() leaves an existing file alone", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("file");
  writeFileSync(path, "text");
  expect(() => allocate(path, MiB)).toThrow(
    expect.objectContaining({
      code: "disk",
      message: expect.stringContaining(`Cannot make ${path}: EEXIST`),
    }),
  );
  expect(readFileSync(path, "utf8")).toBe("text");
});
