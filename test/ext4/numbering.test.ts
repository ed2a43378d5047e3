import { expect, test } from "bun:test";
import type { DirectoryNode } from "../../src/layer/tree.ts";
import { numberTree, type NumberedTree } from "../../src/ext4/numbering.ts";
import { directory, fifo, fileAt, symlink } from "../fakes/ext4-image.ts";

const numbered = (root: DirectoryNode, inodesMax = 1_000_000): NumberedTree =>
  numberTree(root, { inodesMax, timeSeconds: 5 });

const lines = (tree: NumberedTree): string[] =>
  [...tree.inodes()].map(
    (inode) => `${inode} ${tree.pathOf(tree.node(inode))} ${tree.links(inode)}`,
  );

test("numberTree() numbers breadth first, in order of names", () => {
  const root = directory({
    b: directory({ z: fifo() }),
    a: directory({ y: directory({ x: fifo() }), w: symlink("z") }),
    c: fifo(),
  });
  expect(lines(numbered(root))).toEqual([
    "2 / 5",
    "11 /lost+found 2",
    "12 /a 3",
    "13 /b 2",
    "14 /c 1",
    "15 /a/w 1",
    "16 /a/y 2",
    "17 /b/z 1",
    "18 /a/y/x 1",
  ]);
});

test("numberTree() gives one number to a node with several names", () => {
  const twin = fileAt(0, []);
  const a = directory({ one: twin });
  const root = directory({ a, two: twin, three: twin });
  const tree = numbered(root);
  expect(lines(tree).slice(3)).toEqual(["13 /three 3"]);
  const names = [root, a].flatMap((node) => tree.contentOf(node).entries);
  expect(names.filter(({ inode }) => inode === 13)).toMatchObject([
    { name: "three" },
    { name: "two" },
    { name: "one" },
  ]);
});

test("numberTree() adds a missing lost+found", () => {
  const root = directory();
  const tree = numbered(root);
  const { inode, parent, entries } = tree.contentOf(root);
  expect([inode, parent]).toEqual([2, 2]);
  expect(entries.map((entry) => `${entry.inode} ${entry.name}`)).toEqual(["11 lost+found"]);
  expect(tree.node(11)).toMatchObject({ mode: 0o700, uid: 0, mtime: { seconds: 5 } });
});

test("numberTree() uses the image's lost+found", () => {
  const tree = numbered(directory({ "lost+found": directory({ saved: fifo() }, { mode: 0o750 }) }));
  expect(lines(tree)).toEqual(["2 / 3", "11 /lost+found 2", "12 /lost+found/saved 1"]);
  expect(tree.node(11).mode).toBe(0o750);
});

test("numberTree() does not change the tree", () => {
  const root = directory({ a: fifo() });
  numbered(root);
  expect(root.children.size).toBe(1);
});

test.each([
  [
    "a lost+found that is none",
    directory({ "lost+found": fifo() }),
    'Cannot write "/lost+found" as a fifo',
  ],
  [
    "a long name",
    directory({ a: directory({ ["n".repeat(256)]: fifo() }) }),
    'in "/a": it has 256 bytes',
  ],
  ["a dot", directory({ ".": fifo() }), 'Cannot write the name "." in "/": it is no name'],
  ["two dots", directory({ "..": fifo() }), "it is no name of a file"],
  ["a slash", directory({ "a/b": fifo() }), "it is no name of a file"],
  ["no name", directory({ "": fifo() }), "it is no name of a file"],
  ["a NUL", directory({ "a\0b": fifo() }), "it is no name of a file"],
])("numberTree() refuses %s", (_, root, message) => {
  expect(() => numbered(root)).toThrow(message);
});

// Ten reserved numbers including the root's, lost+found, and two files: 13.
test.each([
  [13, true],
  [12, false],
])("numberTree() of two files with %d inodes", (inodesMax, fits) => {
  const root = directory({ a: fifo(), b: fifo() });
  if (fits) expect(numbered(root, inodesMax).lastInode).toBe(13);
  else
    expect(() => numbered(root, inodesMax)).toThrow(
      "it has room for 12 inodes, the image needs 13",
    );
});

const names = <Node>(count: number, node: (index: number) => Node): [string, Node][] =>
  Array.from({ length: count }, (_, index) => [`${index}`, node(index)]);

test("numberTree() accepts a file with 65,000 names", () => {
  const twin = fileAt(0, []);
  expect(numbered(directory(names(65_000, () => twin))).links(12)).toBe(65_000);
  expect(() => numbered(directory(names(65_001, () => twin)))).toThrow(
    'Cannot write "/0": it has 65001 names, ext4 has room for 65000',
  );
});

const withDirectories = (count: number): DirectoryNode =>
  directory({ d: directory(names(count, () => directory())) });

test("numberTree() stops counting the subdirectories of a directory", () => {
  expect(numbered(withDirectories(64_998)).links(12)).toBe(65_000);
  expect(numbered(withDirectories(64_999)).links(12)).toBe(1);
});

test("pathOf() returns a readable path", () => {
  const c = directory();
  const tree = numbered(directory({ a: directory({ "b\n": fifo(), b: directory({ c }) }) }));
  expect(lines(tree)).toContain("14 /a/b\\x0a 1");
  expect(tree.pathOf(c)).toBe("/a/b/c");
});

test("numberTree() can number a tree again, and nodes of another tree", () => {
  const [one, two] = [fifo(), fifo()];
  expect(lines(numbered(directory({ a: one, b: two })))).toContain("13 /b 1");
  const tree = numbered(directory({ b: two, c: one }));
  expect(lines(tree).slice(2)).toEqual(["12 /b 1", "13 /c 1"]);
  expect(lines(numbered(directory({ b: two, c: one })))).toEqual(lines(tree));
});
