/** Properties of the source itself: who may import whom, what only one folder may touch, how long is too long. */
import { Glob } from "bun";
import { expect, test } from "bun:test";
import { dirname, join } from "node:path";

/** Data flows down this list: a folder may import what stands above it, and itself. `upgrade` and `cli` alone see all. */
const FLOW = [
  "lib",
  "system",
  "source",
  "oci",
  "layer",
  "ext4",
  "disk",
  "slot",
  "control",
  "boot",
  "health",
  "hooks",
];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(FLOW.map((name, index) => [name, FLOW.slice(0, index)])),
  source: ["lib", "system", "oci"],
  oci: ["lib", "system"],
  upgrade: FLOW,
  cli: [...FLOW, "upgrade"],
  "main.ts": [...FLOW, "upgrade", "cli"],
};
/** What only one folder may import. */
const OWNER: Readonly<Record<string, string>> = {
  "node:fs": "system",
  "node:fs/promises": "system",
  "node:child_process": "system",
  "bun:ffi": "system",
  citty: "cli",
  "consola/core": "cli",
  ofetch: "oci",
};
/** They bring streams along or load slowly by themselves: with them every verb would start half as long again. */
const LATE = ["net", "zlib", "http", "https", "stream", "tty"].map((name) => `node:${name}`);
const SLOW = new Set([...LATE, "consola", "consola/basic"]);
/**
 * The time of day may be set at any moment, so it becomes a text at once, to be printed or remembered. These alone may ask for it
 * otherwise: they give it to the others, compare it with the server's, and say that it is wrong.
 */
const TELLS_TIME = [
  "src/system/linux.ts",
  "src/oci/failure.ts",
  "src/upgrade/doctor/surroundings.ts",
];
const LINES_MAX = 300;

const files = await Promise.all(
  [...new Glob("src/**/*.ts").scanSync(".")].map(async (path) => ({
    path,
    text: await Bun.file(path).text(),
  })),
);
const folder = (path: string): string => path.split("/")[1] ?? "";
const imports = files.flatMap(({ path, text }) =>
  [...text.matchAll(/^(?:import|export|\}).*? from "([^"]+)"|^import "([^"]+)"/gm)].map((m) => ({
    path,
    to: m[1] ?? m[2] ?? "",
  })),
);

test("what is slow to load is loaded only where it is used", () => {
  const early = imports.filter(({ to }) => SLOW.has(to));
  expect(early).toEqual([]);
});

test("imports follow the data flow", () => {
  const wrong = imports
    .filter(({ to }) => to.startsWith("."))
    .map(({ path, to }) => ({ path, to: join(dirname(path), to) }))
    .filter(
      ({ path, to }) =>
        folder(to) !== folder(path) && MAY_IMPORT[folder(path)]?.includes(folder(to)) !== true,
    );
  expect(wrong).toEqual([]);
});

test("each package and the machine have one owner", () => {
  const wrong = imports.filter(({ path, to }) => {
    const owner = OWNER[to];
    return owner !== undefined && folder(path) !== owner && path !== "src/main.ts";
  });
  expect(wrong).toEqual([]);
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  expect(
    files.filter(({ text }) => text.split("\n").length > LINES_MAX).map(({ path }) => path),
  ).toEqual([]);
});

test("nothing is measured or decided by the time of day", () => {
  const asks = /(?<!performance)\.now\(\)(?!\.toISOString\(\))|\bnew Date\(\)|\bDate\(\)/;
  expect(
    files
      .filter(({ text }) => asks.test(text))
      .map(({ path }) => path)
      .toSorted(),
  ).toEqual(TELLS_TIME.toSorted());
});
