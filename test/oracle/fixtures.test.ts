/** The layer fixtures equal the output of their generator. Change both together. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { temporaryFolder } from "../peers/temporary-folder.ts";

const FIXTURES = join(import.meta.dir, "../fixtures/layers");
const GENERATOR = "mkfx.py";

function isSame(one: string, other: string): boolean {
  const [left, right] = [readFileSync(one), readFileSync(other)];
  if (left.equals(right)) return true;
  // The generator prints the size of its decompression bomb.
  const told = /in \d+ bytes/;
  if (one.endsWith(".json"))
    return left.toString().replace(told, "") === right.toString().replace(told, "");
  return decompressed(left).equals(decompressed(right));
}

/** Versions of gzip and zstd give different bytes for the same input. Some blobs have a broken end on purpose. */
function decompressed(bytes: Buffer): Buffer {
  const isGzip = bytes.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b));
  return Bun.spawnSync([isGzip ? "gzip" : "zstd", "-dcq"], { stdin: bytes }).stdout;
}

test("mkfx.py makes all of them", async () => {
  await using folder = await temporaryFolder();
  const { exitCode } = Bun.spawnSync(["python3", join(FIXTURES, GENERATOR)], {
    env: { ...process.env, OUT: folder.path },
  });
  expect(exitCode).toBe(0);
  const names = readdirSync(FIXTURES).filter((name) => name !== GENERATOR);
  expect(readdirSync(folder.path).toSorted()).toEqual(names.toSorted());
  const different = names.filter((name) => !isSame(folder.in(name), join(FIXTURES, name)));
  expect(different).toEqual([]);
});
