/**
 * Layers that try to use up memory or time. Each runs in its own process, and is refused or read with little of both.
 */
import { expect, test } from "bun:test";

import { indexTar } from "../../src/source/tar-index.ts";
import { tar } from "../fakes/tar.ts";
import { command } from "../peers/command.ts";

const MIB_MAX = 64;
const SECONDS_MAX = 30;
/** These layers are valid except for their digest. */
const READ = /it decompresses to sha256:/;

/**
 * The limit is relative to the peak of an ordinary layer, and includes garbage that is not collected yet. Some layers
 * keep their tree.
 */
test.each<[string, RegExp, number]>([
  ["an ordinary layer", READ, 16],
  ["300 extended headers of 1 MiB", READ, MIB_MAX],
  ["100 extended headers of 30,000 records", READ, 2 * MIB_MAX],
  ["an extended header of 8 GiB", /an extended header is larger than 1048576 bytes/, MIB_MAX],
  ["a hole of 1 PiB", /more than a file can have/, MIB_MAX],
  ["holes of 16 TiB", READ, MIB_MAX],
  ["4,000,001 entries", /more than 4000000 entries/, MIB_MAX],
  ["a long name of 1 MB", /more than 4096/, MIB_MAX],
  ["extended attributes without end", /bytes of names and attributes/, 2 * 128 + MIB_MAX],
  ["targets without end", /bytes of names and attributes/, 2 * 128 + MIB_MAX],
  ["100,000 links in a chain before their target", /more than 10000 hard links/, 4 * MIB_MAX],
  ["paths through long symlinks", /symlinks put more than 1024 names/, MIB_MAX],
  ["20,000 paths through 40 symlinks", READ, 2 * MIB_MAX],
  // As objects the entries would take 400 MiB.
  ["400,000 files", READ, 300],
  ["5,000 deep paths", READ, 4 * MIB_MAX],
  ["a gzip bomb", READ, MIB_MAX],
  ["a zstd bomb", READ, MIB_MAX],
  ["a zstd window of 1 GiB", /too much memory/, MIB_MAX],
])("%s", async (name, says, mibMax) => {
  const output = await command(process.execPath, "test/oracle/hostile-layer.ts", name);
  const result = JSON.parse(output) as { said: string; mib: number; seconds: number };
  expect(result.said).toMatch(says);
  expect(result.mib).toBeLessThan(mibMax);
  expect(result.seconds).toBeLessThan(SECONDS_MAX);
});

test("an archive with too many members", () => {
  const header = tar([{ name: "d", type: "5" }]).subarray(0, 512);
  const endless = {
    sizeBytes: Number.MAX_SAFE_INTEGER,
    readInto: (_: number, into: Uint8Array) => into.set(header.subarray(0, into.byteLength)),
    close() {},
  };
  expect(() => indexTar(endless, "/x")).toThrow("/x: it has more than 1000000 members");
});
