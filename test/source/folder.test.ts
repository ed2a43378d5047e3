import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { display } from "../../src/lib/byte-string.ts";
import type { TreeSource, TreeSummary } from "../../src/source/source.ts";
import { directorySource } from "../fakes/directory.ts";
import { MemorySink } from "../fakes/memory-sink.ts";
import { rejection } from "../fakes/source.ts";

const base = mkdtempSync(join(tmpdir(), "tandem-dir-"));
afterAll(() => rmSync(base, { recursive: true }));

const QUIET = { signal: new AbortController().signal, onProgress() {} };

function folder(name: string): string {
  const path = join(base, name);
  mkdirSync(join(path, "etc"), { recursive: true });
  writeFileSync(join(path, "etc/one"), "content of one");
  writeFileSync(join(path, "etc/two"), "content of two");
  for (const at of ["etc/one", "etc/two", "etc", ""]) utimesSync(join(path, at), 1_000, 1_000);
  return path;
}

async function open(path: string, exclude: readonly string[] = []): Promise<TreeSource> {
  const source = await directorySource(path, exclude);
  if (source.kind !== "tree") throw new Error(`${source.kind} is no tree`);
  return source;
}

/** The content of each file, by path. */
async function contents(source: TreeSource, summary: TreeSummary): Promise<Record<string, string>> {
  const sink = new MemorySink();
  const found: Record<string, string> = {};
  await source.read(summary, {
    ...QUIET,
    sink,
    onEntry: (entry) => {
      if (entry.kind === "file")
        found[display(entry.path)] = Buffer.from(
          sink.contentOf(entry.sizeBytes, entry.extents),
        ).toString();
    },
  });
  return found;
}

test("the same folder has the same digest, whatever its path", async () => {
  const [one, other] = [await open(folder("same")), await open(folder("again"))];
  const summary = await one.scan(QUIET);
  expect(summary).toMatchObject({
    digest: (await other.scan(QUIET)).digest,
    timeSeconds: 1000,
    dataBytes: 28,
    warnings: [],
  });
  expect(summary.marks).toHaveLength(4);
});

test("read() gives what scan() has read", async () => {
  const source = await open(folder("read"));
  expect(await contents(source, await source.scan(QUIET))).toEqual({
    "etc/one": "content of one",
    "etc/two": "content of two",
  });
});

test("what is excluded is in neither, and a path without a file is warned of", async () => {
  const path = folder("exclude");
  const source = await open(path, ["/etc/one", "/none"]);
  const summary = await source.scan(QUIET);
  expect(summary.warnings).toEqual([
    `dir:${path}: found nothing to exclude at "/none", continuing`,
  ]);
  expect(Object.keys(await contents(source, summary))).toEqual(["etc/two"]);
});

test.each<readonly [string, (path: string) => void, string]>([
  ["a file with other content", (path) => appendFileSync(join(path, "etc/two"), "!"), `"etc/two"`],
  ["a new file", (path) => writeFileSync(join(path, "new"), ""), "the top"],
  ["a file less", (path) => rmSync(join(path, "etc/two")), `"etc"`],
])("read() names the first entry that is not what it was: %s", async (name, change, shown) => {
  const path = folder(name);
  const source = await open(path);
  const summary = await source.scan(QUIET);
  change(path);
  expect(await rejection(contents(source, summary))).toMatchObject({
    code: "content",
    message: `Cannot read ${shown} of dir:${path}: it, or a name before it, is not what it was at first`,
  });
});

test("read() counts: a file less at the end is no whole tree", async () => {
  const path = folder("less");
  const source = await open(path);
  const summary = await source.scan(QUIET);
  const more = { ...summary, digest: (await (await open(path, ["etc/two"])).scan(QUIET)).digest };
  expect(await rejection(contents(source, more))).toMatchObject({
    code: "content",
    message: `Cannot read dir:${path}: files are gone that were there at first`,
  });
});

test("scan() stops on request", async () => {
  const path = folder("stop");
  writeFileSync(join(path, "large"), Buffer.alloc(20 * 1024 * 1024, "x"));
  const source = await open(path);
  const error = await rejection(source.scan({ ...QUIET, signal: AbortSignal.abort() }));
  expect(error).toMatchObject({ code: "interrupted" });
});
