import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { Entry } from "../../src/tar/entry.ts";
import { Merge } from "../../src/layer/merge.ts";
import { layerEntries } from "../fakes/layer-entries.ts";
import { viewOfTree } from "../fixtures/view.ts";

/** The attributes of an entry. */
type Attributes = {
  uid?: number;
  mode?: number;
  seconds?: number;
  xattrs?: Record<string, string>;
};

/** The fields that only entries of this kind have. */
type Own = { readonly kind: Entry["kind"] } & Readonly<Record<string, unknown>>;

function entry(path: string, own: Own, attributes: Attributes = {}): Entry {
  const { kind } = own;
  const {
    uid = 0,
    mode = kind === "directory" ? 0o755 : 0o644,
    seconds = 1,
    xattrs = {},
  } = attributes;
  return {
    path,
    mode,
    uid,
    gid: 0,
    mtime: { seconds, nanoseconds: 0 },
    xattrs: Object.entries(xattrs).map(([name, value]) => ({ name, value })),
    ...own,
  } as unknown as Entry;
}

/** A file. Only its size identifies its content. */
const f = (path: string, sizeBytes: number, attributes?: Attributes): Entry =>
  entry(path, { kind: "file", sizeBytes, extents: [] }, attributes);
const d = (path: string, attributes?: Attributes): Entry =>
  entry(path, { kind: "directory" }, attributes);
const l = (path: string, target: string): Entry => entry(path, { kind: "symlink", target });
const h = (path: string, target: string, attributes?: Attributes): Entry =>
  entry(path, { kind: "hardlink", target }, attributes);
const c = (path: string): Entry => entry(path, { kind: "character", major: 0, minor: 0 });

/** One line of text for each path: "a/ 0755 0", "a/f 3", "s -> t", links with "= first name". */
function merged(...layers: Entry[][]): string[] {
  const merge = new Merge();
  for (const [index, layer] of layers.entries()) merge.apply(layerEntries(layer), `layer ${index}`);
  const view = viewOfTree(merge.root, (sizeBytes) => new Uint8Array(sizeBytes));
  return [...view]
    .filter(([path]) => path !== ".")
    .map(([path, node]) => {
      if (node.kind === "directory") return `${path}/`;
      const same = node.first === path ? "" : ` = ${node.first}`;
      if (node.kind === "symlink") return `${path} -> ${node.target}${same}`;
      return `${path} ${node.sizeBytes ?? node.kind}${same}`;
    });
}

/** The attributes of one path. */
function attributesAt(path: string, ...layers: Entry[][]): unknown {
  const merge = new Merge();
  for (const layer of layers) merge.apply(layerEntries(layer), "layer");
  const node = viewOfTree(merge.root, (sizeBytes) => new Uint8Array(sizeBytes)).get(path);
  return node && { mode: node.mode, uid: node.uid, seconds: node.seconds, xattrs: node.xattrs };
}

const symlinkChain = (count: number): Entry[] =>
  Array.from({ length: count }, (_, at) => l(`l${at}`, at === count - 1 ? "d" : `l${at + 1}`));

const lateChain = (count: number): Entry[] => [
  ...Array.from({ length: count }, (_, at) => h(`l${at}`, `l${at + 1}`)),
  f(`l${count}`, 7),
];

const lateLinks = (count: number): Entry[] => [
  ...Array.from({ length: count }, (_, at) => h(`l${at}`, "z")),
  f("z", 7),
];

/** A symlink whose target has this many names. */
const linkOf = (names: number): Entry[] => [d("d"), l("l", `${"./".repeat(names - 1)}d`)];

type Row = [what: string, layers: Entry[][], tree: string[]];

describe("Merge applies whiteouts", () => {
  test.each<Row>([
    ["C1 after the new file", [[f("foo", 1)], [f("foo", 2), f(".wh.foo", 0)]], ["foo 2"]],
    ["C2 before the new file", [[f("foo", 1)], [f(".wh.foo", 0), f("foo", 2)]], ["foo 2"]],
    [
      "C3 and a new directory",
      [
        [d("d"), f("d/a", 1), f("d/b", 1)],
        [f(".wh.d", 0), d("d"), f("d/c", 1)],
      ],
      ["d/", "d/c 1"],
    ],
    [
      "C4 opaque after files in it",
      [
        [d("d"), f("d/a", 1)],
        [f("d/b", 2), f("d/.wh..wh..opq", 0)],
      ],
      ["d/", "d/b 2"],
    ],
    [
      "C5 opaque before files in it",
      [
        [d("d"), f("d/a", 1)],
        [f("d/.wh..wh..opq", 0), f("d/b", 2)],
      ],
      ["d/", "d/b 2"],
    ],
    [
      "of a missing file",
      [[f("a", 1)], [f(".wh.b", 0), f("no/such/.wh.x", 0), f("no/.wh..wh..opq", 0)]],
      ["a 1"],
    ],
    ["of what is behind a loop", [[l("a", "a")], [f("a/.wh.b", 0), f("b", 1)]], ["a -> a", "b 1"]],
    ["of what is below a file", [[f("a", 1)], [f("a/.wh.b", 0)]], ["a 1"]],
    ["of a file of the same layer", [[], [f("a", 1), f(".wh.a", 0)]], ["a 1"]],
    [
      "C24 of a directory with a new child",
      [
        [d("d"), f("d/old", 1)],
        [f("d/new", 2), f(".wh.d", 0)],
      ],
      ["d/", "d/new 2"],
    ],
    [
      "C26 opaque root",
      [
        [f("a", 1), d("b")],
        [f(".wh..wh..opq", 0), f("c", 2)],
      ],
      ["c 2"],
    ],
    [
      "C32 through a lower symlink",
      [[d("e"), f("e/x", 1), f("e/k", 1), l("le", "e")], [f("le/.wh.x", 0)]],
      ["e/", "e/k 1", "le -> e"],
    ],
    [
      "opaque through a lower symlink",
      [[d("e"), f("e/x", 1), l("le", "/e")], [f("le/.wh..wh..opq", 0)]],
      ["e/", "le -> /e"],
    ],
    [
      "R27 not through one that this layer replaces",
      [
        [d("e"), f("e/x", 1), l("le", "e")],
        [d("le"), f("le/.wh.x", 0)],
      ],
      ["e/", "e/x 1", "le/"],
    ],
    [
      "R27 nor through a symlink behind another one",
      [
        [d("e"), f("e/x", 1), l("le", "e"), l("m", "le")],
        [d("le"), f("m/.wh.x", 0)],
      ],
      ["e/", "e/x 1", "le/", "m -> le"],
    ],
    [
      "nor where the path has another name",
      [
        [d("b"), d("e"), f("e/x", 1), l("b/le", "../e"), l("a", "b")],
        [d("a/le"), f("a/le/.wh.x", 0)],
      ],
      ["a -> b", "b/", "b/le/", "e/", "e/x 1"],
    ],
    [
      "of a symlink and through it",
      [
        [d("e"), f("e/x", 1), l("le", "e")],
        [f(".wh.le", 0), f("le/.wh.x", 0)],
      ],
      ["e/"],
    ],
    [
      "C33 and opaque in one directory",
      [
        [d("d"), f("d/a", 1), f("d/b", 1)],
        [f("d/.wh.a", 0), f("d/.wh..wh..opq", 0), f("d/c", 1)],
      ],
      ["d/", "d/c 1"],
    ],
    [
      "C34 of overlayfs are data",
      [
        [d("d"), f("d/low", 1)],
        [c("d/c"), d("d", { xattrs: { "trusted.overlay.opaque": "y" } })],
      ],
      ["d/", "d/c character", "d/low 1"],
    ],
    [
      "of entries of any kind",
      [
        [f("a", 1), f("b", 1), f("c", 1)],
        [l(".wh.a", "x"), d(".wh.b"), h(".wh.c", "nowhere")],
      ],
      [],
    ],
    [
      "of aufs' internal files",
      [[f("a", 1)], [d(".wh..wh.plnk"), f(".wh..wh.plnk/1.2", 1), f(".wh..wh.aufs", 0)]],
      ["a 1"],
    ],
    ["that are none", [[], [f(".wh.etc/some", 1)]], [".wh.etc/", ".wh.etc/some 1"]],
    [
      "in two layers of the same content",
      [[d("d"), f("d/a", 1)], [f(".wh.d", 0)], [f("d/b", 1)]],
      ["d/", "d/b 1"],
    ],
  ])("%s", (_, layers, tree) => {
    expect(merged(...layers)).toEqual(tree);
  });

  test.each([".wh.", ".wh..", "d/.wh..."])("C12 %p is refused", (path) => {
    expect(() => merged([d("d")], [f(path, 0)])).toThrow(
      `Cannot unpack layer 1: entry "${path}": is a whiteout`,
    );
  });
});

describe("Merge replaces", () => {
  test.each<Row>([
    ["C11 a file by a later one", [[f("a", 1), f("a", 2)]], ["a 2"]],
    ["C8 a directory by a file", [[d("a"), f("a/b", 1)], [f("a", 2)]], ["a 2"]],
    ["C14 a file by the parent of another", [[f("f", 1)], [f("f/x", 2)]], ["f/", "f/x 2"]],
    [
      "C10 a symlink by a directory",
      [
        [d("e"), f("e/x", 1), l("le", "e")],
        [d("le"), f("le/y", 2)],
      ],
      ["e/", "e/x 1", "le/", "le/y 2"],
    ],
    [
      "C9 nothing where a symlink leads on",
      [[d("usr"), d("usr/lib"), l("lib", "usr/lib")], [f("lib/foo", 1)]],
      ["lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/foo 1"],
    ],
    [
      "C37 nothing where a symlink of the layer does",
      [[d("etc")], [l("le", "/etc"), f("le/x", 1)]],
      ["etc/", "etc/x 1", "le -> /etc"],
    ],
    [
      "C23 nothing outside the root",
      [[l("le", "../../..")], [f("le/x", 1)]],
      ["le -> ../../..", "x 1"],
    ],
    ["a directory by a symlink", [[d("a"), f("a/b", 1)], [l("a", "c")]], ["a -> c"]],
    [
      "what a symlink to nothing leads to",
      [[l("a", "b/c")], [f("a/x", 1)]],
      ["a -> b/c", "b/", "b/c/", "b/c/x 1"],
    ],
    [
      "a directory while its entries go on",
      [[d("a"), f("a/x", 1), l("a", "b"), f("a/y", 2), d("a"), f("a/z", 3)]],
      ["a/", "a/z 3", "b/", "b/y 2"],
    ],
  ])("%s", (_, layers, tree) => {
    expect(merged(...layers)).toEqual(tree);
  });

  test("follows up to 40 symlinks", () => {
    expect(merged([d("d"), ...symlinkChain(40), f("l0/x", 1)])).toContain("d/x 1");
    expect(() => merged([d("d"), ...symlinkChain(41), f("l0/x", 1)])).toThrow(
      'entry "l0/x": its path goes through more than 40',
    );
  });

  test("follows symlinks with up to 1024 names", () => {
    expect(merged([...linkOf(1024), f("l/x", 1)])).toContain("d/x 1");
    expect(() => merged([...linkOf(1025), f("l/x", 1)])).toThrow(
      'entry "l/x": symlinks put more than 1024 names into its path',
    );
  });

  test("refuses paths deeper than 2048", () => {
    const deep = "a/".repeat(1020);
    expect(() => merged([l("l", deep), f(`l/${deep}${"b/".repeat(10)}f`, 1)])).toThrow(
      "deeper than 2048",
    );
  });
});

describe("Merge: hard links", () => {
  test.each<Row>([
    [
      "C6 keep a target that is replaced later",
      [[f("a", 1)], [h("b", "a")], [f("a", 2)]],
      ["a 2", "b 1"],
    ],
    [
      "C7 keep a target that is whited out later",
      [[f("a", 1)], [h("b", "a")], [f(".wh.a", 0)]],
      ["b 1"],
    ],
    [
      "keep a target that is whited out in the same layer",
      [[f("a", 1)], [f(".wh.a", 0), h("b", "a")]],
      ["b 1"],
    ],
    [
      "take the target of the layer itself",
      [[f("a", 1)], [f("a", 2), h("b", "a")]],
      ["a 2", "b 2 = a"],
    ],
    [
      "take the target as it is at that moment",
      [[f("a", 1)], [h("b", "a"), f("a", 2)]],
      ["a 2", "b 1"],
    ],
    [
      "C20 link a symlink itself",
      [[f("t", 1), l("a", "t"), h("b", "a")]],
      ["a -> t", "b -> t = a", "t 1"],
    ],
    [
      "C20b link a symlink of a lower layer",
      [[f("t", 1), l("a", "t")], [h("b", "a")]],
      ["a -> t", "b -> t = a", "t 1"],
    ],
    [
      "follow symlinks on the way",
      [[d("d"), f("d/a", 1), l("e", "d")], [h("b", "e/a")]],
      ["b 1", "d/", "d/a 1 = b", "e -> d"],
    ],
    ["to themselves change nothing", [[f("a", 1)], [h("a", "a")]], ["a 1"]],
    ["chain", [[f("a", 1), h("b", "a"), h("c", "b")]], ["a 1", "b 1 = a", "c 1 = a"]],
    [
      "C21 make missing parents",
      [[f("a", 1), h("p/q/b", "a")]],
      ["a 1", "p/", "p/q/", "p/q/b 1 = a"],
    ],
    ["C30 may come before their target", [[h("b", "a"), f("a", 1)]], ["a 1", "b 1 = a"]],
    [
      "may come before their target in a chain",
      [[h("c", "b"), h("b", "a"), f("a", 1)]],
      ["a 1", "b 1 = a", "c 1 = a"],
    ],
    [
      "before their target give way to what comes later",
      [[h("b", "a"), f("b", 2), f("a", 1)]],
      ["a 1", "b 2"],
    ],
    [
      "replace what was there",
      [[d("b"), f("b/c", 2), f("a", 1)], [h("b", "a")]],
      ["a 1", "b 1 = a"],
    ],
    ["are cut by a new file", [[f("a", 1), h("b", "a")], [f("b", 2)]], ["a 1", "b 2"]],
  ])("%s", (_, layers, tree) => {
    expect(merged(...layers)).toEqual(tree);
  });

  test.each([
    ["a missing target", [h("b", "nope")], 'entry "b": its target "nope" does not exist'],
    ["itself", [h("b", "b")], 'its target "b" does not exist'],
    ["a directory", [d("d"), h("b", "d")], 'its target "d" is a directory'],
    ["a later directory", [h("b", "d"), d("d")], 'its target "d" is a directory'],
    ["the root", [h("b", "")], "is a directory"],
    ["each other", [h("b", "c"), h("c", "b")], 'its target "c" does not exist'],
  ])("to %s are refused", (_, layer, reason) => {
    expect(() => merged(layer)).toThrow(reason);
  });

  test("before their targets may have chains of 40 links", () => {
    expect(merged(lateChain(40))).toContain("l0 7");
    expect(() => merged(lateChain(100))).toThrow("does not exist");
  });

  test("before their targets are accepted up to 10,000", () => {
    expect(merged(lateLinks(10_000))).toHaveLength(10_001);
    expect(() => merged(lateLinks(10_001))).toThrow(
      'entry "l10000": it is one of more than 10000 hard links before their targets',
    );
  });

  test("have the attributes of their target", () => {
    const layer = [
      f("a", 1, { uid: 1, mode: 0o600 }),
      h("b", "a", { uid: 99, mode: 0o777, seconds: 5 }),
    ];
    expect(attributesAt("b", layer)).toEqual({ uid: 1, mode: 0o600, seconds: 1, xattrs: {} });
  });
});

describe("Merge: attributes", () => {
  const marked: Attributes = { uid: 7, mode: 0o700, seconds: -86_401, xattrs: { "user.a": "b" } };
  const attributes = { ...marked, xattrs: { "user.a": "62" } };
  const implicit = { uid: 0, mode: 0o755, seconds: 0, xattrs: {} };

  test.each<[string, string, Entry[][], object]>([
    [
      "C16 of a directory that is listed again are the new ones",
      "d",
      [[d("d", marked)], [d("d")]],
      { ...implicit, seconds: 1 },
    ],
    [
      "C27 of a directory that is not listed again stay",
      "d",
      [[d("d", marked)], [f("d/f", 1)]],
      attributes,
    ],
    ["C28 of a file are kept", "f", [[f("f", 1, marked)]], attributes],
    ["C38 of the root are its entry's", ".", [[d("", marked)], [f("a", 1)]], attributes],
    ["of a root without an entry", ".", [[f("a", 1)]], implicit],
    ["of parents without an entry", "p/q", [[f("p/q/f", 1, marked)]], implicit],
    [
      "of a directory whose entry comes after its files",
      "p",
      [[f("p/f", 1), d("p", marked)]],
      attributes,
    ],
    [
      "of a directory that was whited out are gone",
      "d",
      [[d("d", marked)], [f(".wh.d", 0), f("d/f", 1)]],
      implicit,
    ],
    [
      "of a directory that was made opaque stay",
      "d",
      [[d("d", marked)], [f("d/.wh..wh..opq", 0), f("d/f", 1)]],
      attributes,
    ],
    [
      "of a file in the place of a directory are its own",
      "d",
      [[d("d", marked)], [f("d", 1)]],
      { ...implicit, mode: 0o644, seconds: 1 },
    ],
  ])("%s", (...[, path, layers, expected]) => {
    expect(attributesAt(path, ...layers)).toEqual(expected);
  });

  test.each([f("", 1), l("", "/tmp"), c("")])("the root is a directory (%p is refused)", (root) => {
    expect(() => merged([root])).toThrow('entry "/": it is a');
  });
});

/** A simple model for layers without symlinks: a map from each path to its content. */
type Model = Map<string, string>;

function parents(path: string): string[] {
  return path
    .split("/")
    .slice(0, -1)
    .map((_, at, names) => names.slice(0, at + 1).join("/"));
}

function removeBelow(model: Model, path: string): void {
  for (const other of model.keys()) if (other.startsWith(`${path}/`)) model.delete(other);
}

const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

const isMarker = ({ path }: Entry): boolean => basename(path).startsWith(".wh.");

function applyToModel(model: Model, layer: readonly Entry[]): void {
  for (const { path } of layer.filter(isMarker)) {
    const parent = parents(path).at(-1) ?? "";
    const name = basename(path).slice(".wh.".length);
    const hidden = parent === "" ? name : `${parent}/${name}`;
    if (name === ".wh..opq") {
      if (parent !== "") removeBelow(model, parent);
      else model.clear();
    } else {
      model.delete(hidden);
      removeBelow(model, hidden);
    }
  }
  for (const one of layer.filter((each) => !isMarker(each))) {
    for (const parent of parents(one.path)) if (model.get(parent) !== "/") model.set(parent, "/");
    if (one.kind !== "directory") removeBelow(model, one.path);
    model.set(one.path, one.kind === "file" ? ` ${one.sizeBytes}` : "/");
  }
}

test("Merge makes the same tree as a simple map of paths, for layers without links", () => {
  const name = fc.constantFrom("a", "b", "c");
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
  const marker = fc.tuple(
    fc.array(name, { maxLength: 3 }),
    fc.constantFrom(".wh.a", ".wh.b", ".wh..wh..opq"),
  );
  const one = fc.oneof(
    fc.tuple(path, fc.integer({ min: 1, max: 9 })).map(([at, size]) => f(at, size)),
    path.map((at) => d(at)),
    marker.map(([names, last]) => f([...names, last].join("/"), 0)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 8 }), { maxLength: 4 }), (layers) => {
      const model: Model = new Map();
      for (const layer of layers) applyToModel(model, layer);
      const expected = [...model].map(([at, what]) => `${at}${what}`);
      expect(merged(...layers).toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 500 },
  );
});
