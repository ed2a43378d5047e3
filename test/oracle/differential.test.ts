/**
 * Images that container tools unpack differently. tandem follows the image specification, and umoci agrees where it
 * does too.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";

import { compareTree, type ExpectedTree } from "../fixtures/layers.ts";
import { viewOfFolder } from "../fixtures/view.ts";
import { command } from "../peers/command.ts";
import { compareTrees } from "../peers/compare-trees.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { writeImage } from "../peers/image.ts";
import { loopMount } from "../peers/loop-mount.ts";
import type { TarMember } from "../peers/tar.ts";
import { TANDEM } from "../peers/tandem.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { umociRawUnpack } from "../peers/umoci.ts";

interface Case {
  readonly name: string;
  readonly layers: readonly (readonly TarMember[])[];
  /** The expected tree, or the expected message. */
  readonly expected: ExpectedTree | RegExp;
  /** Why umoci 0.4.7 is not compared. */
  readonly not?: string;
}

/** Files with different content. */
const f = (path: string, data = "", mtime = "1600000000"): TarMember => ({ path, data, mtime });
const d = (path: string, more: Omit<TarMember, "path" | "kind" | "data"> = {}): TarMember => ({
  path,
  kind: "directory",
  ...more,
});
const l = (path: string, target: string): TarMember => ({ path, kind: "symlink", target });
const h = (path: string, target: string): TarMember => ({ path, kind: "hardlink", target });

const is = (text: string): ExpectedTree[string] => ({
  t: "f",
  sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
});
const to = (link: string): ExpectedTree[string] => ({ t: "l", link });
const D: ExpectedTree[string] = { t: "d" };

const CASES: readonly Case[] = [
  {
    name: "C1 a whiteout after the new file",
    layers: [[f("foo", "old")], [f("foo", "new"), f(".wh.foo")]],
    expected: { foo: is("new") },
  },
  {
    name: "C2 a whiteout before the new file",
    layers: [[f("foo", "old")], [f(".wh.foo"), f("foo", "new")]],
    expected: { foo: is("new") },
  },
  {
    name: "C3 a whiteout of a directory that comes again",
    layers: [
      [d("d"), f("d/a"), f("d/b")],
      [f(".wh.d"), d("d"), f("d/c", "c")],
    ],
    expected: { d: D, "d/c": is("c") },
  },
  {
    name: "C4 an opaque marker after files below implicit parents",
    layers: [
      [d("d"), f("d/old")],
      [f("d/e/new", "n"), f("d/.wh..wh..opq")],
    ],
    expected: { d: D, "d/e": D, "d/e/new": is("n") },
  },
  {
    name: "C5 a directory over a file over a directory",
    layers: [[d("a"), f("a/low")], [f("a", "file")], [d("a"), f("a/top", "t")]],
    expected: { a: D, "a/top": is("t") },
  },
  {
    name: "C6 a linked file that is replaced",
    layers: [[f("a", "1")], [h("b", "a")], [f("a", "2")]],
    expected: { a: { ...is("2"), nlink: 1 }, b: { ...is("1"), nlink: 1 } },
  },
  {
    name: "C7 a linked file that is whited out",
    layers: [[f("a", "1")], [h("b", "a")], [f(".wh.a")]],
    expected: { b: { ...is("1"), nlink: 1 } },
  },
  {
    name: "C8 a link to what its own layer replaces",
    layers: [[f("a", "1")], [f("a", "2"), h("b", "a")]],
    expected: { a: { ...is("2"), nlink: 2 }, b: { ...is("2"), same: "a" } },
  },
  {
    name: "C9 an implicit parent that is a symlink below",
    layers: [[d("usr"), d("usr/lib"), l("lib", "usr/lib")], [f("lib/foo", "f")]],
    expected: { usr: D, "usr/lib": D, "usr/lib/foo": is("f"), lib: to("usr/lib") },
  },
  {
    name: "C10 an explicit directory over a symlink",
    layers: [
      [d("usr"), d("usr/lib"), f("usr/lib/x", "x"), l("lib", "usr/lib")],
      [d("lib"), f("lib/foo", "f")],
    ],
    expected: { usr: D, "usr/lib": D, "usr/lib/x": is("x"), lib: D, "lib/foo": is("f") },
  },
  {
    name: "C11 one name twice in a layer",
    layers: [[f("a", "first"), f("a", "last")]],
    expected: { a: is("last") },
  },
  {
    name: "C12 a whiteout of nothing",
    layers: [[d("q"), f("q/x")], [f("q/.wh.")]],
    expected: /layer 2 of 2 \(sha256:[0-9a-f]{12}\): entry "q\/\.wh\.": is a whiteout of ""/,
    not: "removes the directory",
  },
  {
    name: "C14 a file that becomes the parent of another",
    layers: [[f("f", "file")], [f("f/x", "x")]],
    expected: { f: D, "f/x": is("x") },
    not: "fails",
  },
  {
    name: "C16 a directory that comes again without its xattr",
    layers: [[d("d", { mode: 0o700, uid: 5, xattrs: { "user.a": Buffer.from("1") } })], [d("d")]],
    expected: { d: { t: "d", mode: 0o755, uid: 0, xattr: {} } },
  },
  {
    name: "C20 a link to a symlink",
    layers: [[l("a", "nowhere"), h("b", "a")]],
    expected: { a: { ...to("nowhere"), nlink: 2 }, b: { ...to("nowhere"), same: "a" } },
  },
  {
    name: "C20b a link to a symlink of a lower layer",
    layers: [[l("a", "nowhere")], [h("b", "a")]],
    expected: { a: { ...to("nowhere"), nlink: 2 }, b: { ...to("nowhere"), same: "a" } },
  },
  {
    name: "C21 a parent that only a lower layer lists",
    layers: [[d("a", { mode: 0o700, uid: 7, mtime: "111" })], [f("a/f", "f")]],
    expected: { a: { t: "d", mode: 0o700, uid: 7, mtime: 111 }, "a/f": is("f") },
  },
  {
    name: "C23 a symlink above the root",
    layers: [[l("up", "../../..")], [f("up/x", "x")]],
    expected: { up: to("../../.."), x: is("x") },
  },
  {
    name: "C23b a path above the root",
    layers: [[f("../../esc", "x")]],
    expected: /entry "\.\.\/\.\.\/esc": its path leads out of the root with "\.\."/,
    not: "stays at the root",
  },
  {
    name: "C24 a whiteout of a directory with a new child",
    layers: [
      [d("d"), f("d/old")],
      [f("d/new", "n"), f(".wh.d")],
    ],
    expected: { d: D, "d/new": is("n") },
  },
  {
    name: "C26 an opaque root",
    layers: [
      [f("a"), d("b")],
      [f(".wh..wh..opq"), f("new", "n")],
    ],
    expected: { new: is("n") },
  },
  {
    name: "C27 the time of a parent that is not listed again",
    layers: [[d("d", { mtime: "111" })], [f("d/f", "f", "222")]],
    expected: { d: { t: "d", mtime: 111 }, "d/f": { ...is("f"), mtime: 222 } },
  },
  {
    name: "C28 a time before 1970",
    layers: [[f("a", "a", "-86400.5")]],
    expected: { a: { ...is("a"), mtime: -86_401, ns: 500_000_000 } },
  },
  {
    name: "C30 a link before its target",
    layers: [[h("b", "a"), f("a", "1")]],
    expected: { a: { ...is("1"), nlink: 2 }, b: { ...is("1"), same: "a" } },
    not: "fails",
  },
  {
    name: "C32 a whiteout through a symlink",
    layers: [[d("e"), f("e/x"), f("e/k", "k"), l("le", "e")], [f("le/.wh.x")]],
    expected: { e: D, "e/k": is("k"), le: to("e") },
  },
  {
    name: "C33 a whiteout and an opaque marker in one directory",
    layers: [
      [d("d"), f("d/a"), f("d/b")],
      [f("d/.wh.a"), f("d/.wh..wh..opq"), f("d/c", "c")],
    ],
    expected: { d: D, "d/c": is("c") },
  },
  {
    name: "C34 markers of overlayfs are data",
    layers: [[d("d"), f("d/low", "l")], [{ path: "d/c", kind: "character", major: 0, minor: 0 }]],
    expected: { d: D, "d/low": is("l"), "d/c": { t: "c", major: 0, minor: 0 } },
  },
  {
    name: "C37 an absolute symlink of the same layer",
    layers: [[d("etc"), l("le", "/etc"), f("le/x", "x")]],
    expected: { etc: D, "etc/x": is("x"), le: to("/etc") },
  },
  {
    name: "C38 an entry of the root",
    layers: [[d("./", { mode: 0o711, uid: 3 }), f("a", "a")]],
    expected: { ".": { t: "d", mode: 0o711, uid: 3 }, a: is("a") },
  },
];

const parts = new AsyncDisposableStack();
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = parts.use(await temporaryFolder());
  for (const { name, layers } of CASES)
    await writeImage(folder.in("layout"), {
      tag: tagOf(name),
      layers: layers.map((members) => ({ tar: members })),
    });
});
afterAll(() => parts.disposeAsync());

/** "C20b". */
function tagOf(name: string): string {
  return name.split(" ", 1)[0] ?? name;
}

/** umoci gives the current time to directories that no layer lists. */
const isTimeOfParent = (line: string): boolean => line.includes(": mtime ");

test.each(CASES.filter(({ expected }) => !(expected instanceof RegExp)))(
  "$name",
  async ({ name, expected, not }) => {
    const image = folder.in(`${tagOf(name)}.img`);
    const source = `oci-layout:${folder.in("layout")}:${tagOf(name)}`;
    await command(...TANDEM, "write", source, image, "--size", "8MiB");
    expect(await complaints(image)).toEqual([]);
    await using mount = await loopMount(image);
    expect(compareTree(expected as ExpectedTree, viewOfFolder(mount.path))).toEqual([]);
    if (not !== undefined) return;
    const unpacked = folder.in(`${tagOf(name)}.umoci`);
    await umociRawUnpack({ layout: folder.in("layout"), tag: tagOf(name) }, unpacked);
    const lines = compareTrees(unpacked, mount.path, { ignore: ["lost+found"] });
    expect(lines.filter((line) => !isTimeOfParent(line))).toEqual([]);
  },
);

test.each(CASES.filter(({ expected }) => expected instanceof RegExp))(
  "$name is refused",
  async ({ name, expected }) => {
    const image = folder.in(`${tagOf(name)}.img`);
    const source = `oci-layout:${folder.in("layout")}:${tagOf(name)}`;
    const run = command(...TANDEM, "write", source, image, "--size", "8MiB");
    await expect(run).rejects.toThrow(expected);
    await expect(run).rejects.toThrow("status 6");
    expect(await Bun.file(image).exists()).toBe(false);
  },
);
