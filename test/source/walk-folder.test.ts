import { afterAll, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { display } from "../../src/lib/byte-string.ts";
import { Exclusions } from "../../src/source/exclusions.ts";
import { walkFolder } from "../../src/source/walk-folder.ts";

const base = mkdtempSync(join(tmpdir(), "tandem-walk-"));
afterAll(() => rmSync(base, { recursive: true }));

/** A folder with these files, by path. A text is a file's content, an array the target of a symbolic link. */
function folder(name: string, files: Readonly<Record<string, string | readonly [string]>>): string {
  const top = join(base, name);
  mkdirSync(top);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(top, path, ".."), { recursive: true });
    if (typeof content === "string") writeFileSync(join(top, path), content);
    else symlinkSync(content[0], join(top, path));
  }
  return top;
}

/** "path kind" of each file; `onFile` is called while a file is open. */
function walk(
  path: string,
  { exclude = [], onFile = () => {} }: { exclude?: string[]; onFile?: (name: string) => void } = {},
): string[] {
  const options = { path, exclusions: new Exclusions(exclude), onLeftOut() {} };
  return [...walkFolder(options)].map(({ entry }) => {
    const name = display(entry.path);
    onFile(name);
    return `${name} ${entry.kind}`;
  });
}

/** The same, one file after the other, as a reader of the data does it. */
function walkSlowly(path: string, onFile: (name: string) => void): void {
  const options = { path, exclusions: new Exclusions([]), onLeftOut() {} };
  for (const { entry } of walkFolder(options)) onFile(display(entry.path));
}

test("a directory comes before what it holds, and names are sorted", () => {
  const path = folder("order", { "b/y": "", "b/x": "", a: "", "c/d/e": "" });
  expect(walk(path)).toEqual([
    " directory",
    "a file",
    "b directory",
    "b/x file",
    "b/y file",
    "c directory",
    "c/d directory",
    "c/d/e file",
  ]);
});

test("an excluded path is left out with all below it, and nothing else", () => {
  const path = folder("excluded", { "var/log/x": "", "var/logs": "", "log/x": "" });
  expect(walk(path, { exclude: ["/var/log"] })).toEqual([
    " directory",
    "log directory",
    "log/x file",
    "var directory",
    "var/logs file",
  ]);
});

test("a symbolic link that leads out is an entry", () => {
  const path = folder("links", { "a/out": [".."], "a/etc": ["/etc"], "a/gone": ["nowhere"] });
  expect(walk(path)).toEqual([
    " directory",
    "a directory",
    "a/etc symlink",
    "a/gone symlink",
    "a/out symlink",
  ]);
});

test("the second name of a file is a hard link to the first", () => {
  const path = folder("hard", { "b/one": "x", other: "y" });
  linkSync(join(path, "b/one"), join(path, "two"));
  const options = { path, exclusions: new Exclusions([]), onLeftOut() {} };
  const entry = [...walkFolder(options)]
    .map((one) => one.entry)
    .find(({ kind }) => kind === "hardlink");
  expect(entry).toMatchObject({ path: "two", target: "b/one" });
});

test("a file without its other names is an ordinary file", () => {
  const path = folder("half", { one: "x", two: "y" });
  linkSync(join(path, "one"), join(base, "outside"));
  expect(walk(path)).toEqual([" directory", "one file", "two file"]);
});

const changes: readonly (readonly [string, string, (path: string) => void])[] = [
  ["grows", "it changed while it was read", (path) => appendFileSync(join(path, "a/file"), "more")],
  [
    "gets another mode",
    "it changed while it was read",
    (path) => chmodSync(join(path, "a/file"), 0o600),
  ],
];

test.each(changes)("a file that %s while it is read is refused by name", (name, why, change) => {
  const path = folder(name, { "a/file": "content", "a/next": "" });
  const read = (): void =>
    walkSlowly(path, (at) => {
      if (at === "a/file") change(path);
    });
  expect(read).toThrow(
    expect.objectContaining({
      code: "content",
      message: `Cannot read "a/file" of dir:${path}: ${why}`,
    }),
  );
});

test("a file that vanishes before its turn is refused by name", () => {
  const path = folder("vanishes", { "a/file": "", "a/next": "" });
  const read = (): void =>
    walkSlowly(path, (at) => {
      if (at === "a/file") rmSync(join(path, "a/next"));
    });
  expect(read).toThrow(
    expect.objectContaining({
      code: "content",
      message: `Cannot read "a/next" of dir:${path}: it is gone`,
      hint: expect.stringContaining("--exclude"),
    }),
  );
});

test("a folder that is deeper than any system is refused", () => {
  const path = folder("deep", {});
  mkdirSync(join(path, ...Array.from({ length: 420 }, () => "d")), { recursive: true });
  expect(() => walk(path)).toThrow(/it is deeper than 400 directories$/);
});

test("a folder that is a file is refused", () => {
  expect(() => walk(join(folder("file", { x: "" }), "x"))).toThrow(
    expect.objectContaining({ code: "source", message: expect.stringContaining("ENOTDIR") }),
  );
});

test("a directory in which something is skipped keeps its time: nothing is mounted there", () => {
  const top = folder("times", { "etc/hosts": "", "etc/old": "" });
  for (const [name, seconds] of [
    ["etc/hosts", 9],
    ["etc/old", 5],
    ["etc", 7],
    ["", 8],
  ] as const)
    utimesSync(join(top, name), seconds, seconds);
  const exclusions = new Exclusions(["/etc/hosts"], ["/host", "/etc/old"]);
  const times = [...walkFolder({ path: top, exclusions, onLeftOut() {} })].map(({ entry }) => [
    display(entry.path),
    entry.mtime.seconds,
  ]);
  expect(Object.fromEntries(times)).toEqual({ "": 8, etc: 7 });
});
