import { expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { replaceFile, replaceLink } from "../../src/system/replace-file.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("replaceFile() makes folders, sets text and mode, and replaces an existing file", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("a/b/file");
  replaceFile(path, "one", 0o755);
  replaceFile(path, "two", 0o640);
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode % 0o1000).toBe(0o640);
  expect(readdirSync(folder.in("a/b"))).toEqual(["file"]);
});

test("replaceFile() leaves nothing behind when it fails", async () => {
  await using folder = await temporaryFolder();
  replaceFile(folder.in("taken/inside"), "x", 0o644);
  expect(() => replaceFile(folder.in("taken"), "y", 0o644)).toThrow();
  expect(readdirSync(folder.in("."))).toEqual(["taken"]);
});

test("replaceLink() makes folders, and replaces a file or a link", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("wants/unit");
  replaceLink(path, "../one");
  replaceLink(path, "../two");
  expect(readlinkSync(path)).toBe("../two");
  writeFileSync(folder.in("plain"), "text");
  replaceLink(folder.in("plain"), "/dev/null");
  expect(readlinkSync(folder.in("plain"))).toBe("/dev/null");
});

test("replaceLink() leaves nothing behind when it fails", async () => {
  await using folder = await temporaryFolder();
  replaceLink(folder.in("taken/inside"), "x");
  expect(() => replaceLink(folder.in("taken"), "y")).toThrow();
  expect(readdirSync(folder.path)).toEqual(["taken"]);
});

test.each([
  ["replaceFile", 'replaceFile("a/b/c/name", "text", 0o644)'],
  ["replaceLink", 'replaceLink("a/b/c/name", "target")'],
])("%s() flushes each folder that got a new name", async (name, call) => {
  await using folder = await temporaryFolder();
  mkdirSync(folder.in("a"));
  const source = new URL("../../src/system/replace-file.ts", import.meta.url).pathname;
  const program = `import { ${name} } from "${source}"; ${call};`;
  const trace = folder.in("trace");
  const strace = ["strace", "-f", "-y", "-qq", "-o", trace, "-e", "trace=fsync"];
  const child = Bun.spawn([...strace, process.execPath, "-e", program], { cwd: folder.path });
  expect(await child.exited).toBe(0);
  const flushed = [...readFileSync(trace, "utf8").matchAll(/fsync\(\d+<([^>]*)>/g)];
  const places = flushed.map(([, path = ""]) => path.replace(folder.path, ""));
  expect(places.filter((path) => !path.includes(".new-"))).toEqual(["/a/b", "/a", "/a/b/c"]);
});
