/**
 * Reads archives of a tree that GNU tar and bsdtar wrote in all their formats, and compares with the kernel's view of
 * the tree.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, lstatSync, openSync, writeSync } from "node:fs";
import { basename } from "node:path";
import { chmod, chown, lchown, link, mkdir, symlink, writeFile } from "node:fs/promises";

import { diffIdOf, TAR, unpackLayer } from "../layer/unpack-image.ts";
import { parseAcl } from "../../src/tar/acl.ts";
import { Merge } from "../../src/layer/merge.ts";
import { layerEntries } from "../fakes/layer-entries.ts";
import { viewOfFolder, type View, type ViewNode, viewOfTree } from "../fixtures/view.ts";
import { command, commandBytes } from "../peers/command.ts";
import { type TemporaryFolder, temporaryFolder } from "../peers/temporary-folder.ts";

const LONG = Array.from({ length: 3 }, (_, at) => `${at}`.repeat(100)).join("/");
/** Ids without names on this machine: otherwise tar writes the names. */
const ACL = "user::rwx,user:73001:r-x,group::r-x,group:73002:-wx,mask::rwx,other::r--";

/** bsdtar writes negative times with a fraction that has to be added. Only bsdtar reads them so. */
const TIMES: Readonly<Record<string, readonly string[]>> = {
  full: ["1600000000.123456789", "1234567890", "-86400.5", "4294967296.25"],
  whole: ["1600000000.123456789", "1234567890", "-86401", "4294967296.25"],
  plain: ["1600000000", "1234567890"],
};

let folder: TemporaryFolder;
/** The tree with everything, and the tree that the oldest formats can express. */
const trees = new Map<string, View>();

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of ["full", "whole", "plain"]) {
    await plant(folder.in(name));
    if (name !== "plain") await plantModern(folder.in(name));
    await settle(folder.in(name));
    trees.set(name, viewOfFolder(folder.in(name)));
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

async function plant(root: string): Promise<void> {
  await mkdir(`${root}/dir/empty`, { recursive: true });
  await chmod(`${root}/dir`, 0o2750);
  await writeFile(`${root}/dir/file`, Buffer.alloc(100_003, "tandem "));
  await writeFile(`${root}/nothing`, "");
  await writeFile(`${root}/block`, Buffer.alloc(512, "b"));
  await chmod(`${root}/block`, 0o4755);
  await chown(`${root}/block`, 1234, 5678);
  await link(`${root}/dir/file`, `${root}/twin`);
  await symlink("dir/file", `${root}/link`);
  await lchown(`${root}/link`, 3, 4);
  await link(`${root}/link`, `${root}/link-twin`);
  await command("mknod", `${root}/device`, "c", "10", "200");
  await command("mknod", `${root}/disk`, "b", "7", "3");
  await command("mkfifo", `${root}/pipe`);
  await writeFile(`${root}/caf\u00e9 = x\n`, "name");
}

async function plantModern(root: string): Promise<void> {
  await mkdir(`${root}/${LONG}`, { recursive: true });
  await writeFile(`${root}/${LONG}/file`, "deep");
  await symlink(LONG, `${root}/long-link`);
  await link(`${root}/${LONG}/file`, `${root}/long-twin`);
  await writeFile(Buffer.from(`${root}/latin-\u00e9`, "latin1"), "bytes");
  await chown(`${root}/nothing`, 3_000_000, 4_294_967_294);
  plantHoles(`${root}/holes`, { sizeBytes: 3_000_000, at: [0, 65_536, 1_048_576, 2_000_000 - 5] });
  plantHoles(`${root}/tail-hole`, { sizeBytes: 1_048_576, at: [0] });
  plantHoles(`${root}/all-hole`, { sizeBytes: 1_048_576, at: [] });
  // More runs than fit into one block of a sparse map.
  const at = Array.from({ length: 90 }, (_, index) => (2 * index + 1) * 8192);
  plantHoles(`${root}/many-holes`, { sizeBytes: 2_000_000, at });
}

function plantHoles(path: string, { sizeBytes, at }: { sizeBytes: number; at: number[] }): void {
  const file = openSync(path, "w");
  for (const offset of at) writeSync(file, `data at ${offset}`, offset);
  ftruncateSync(file, sizeBytes);
  closeSync(file);
}

/** Sets the times last, because making files changes them. */
async function settle(root: string): Promise<void> {
  const times = TIMES[basename(root)] ?? [];
  const paths = (await command("find", root, "-depth", "-print0")).split("\0").slice(0, -1);
  for (const [at, path] of paths.entries())
    if (path !== root)
      await command("touch", "-h", "-d", `@${times[at % times.length]}`, path).catch(
        () => undefined,
      );
  await command("touch", "-d", "@1500000000", root);
}

function readTar(
  bytes: Uint8Array,
  chunkBytes: number,
): { view: View; warnings: string[]; dataBytes: number } {
  const { entries, warnings, sink } = unpackLayer(bytes, { chunkBytes });
  const merge = new Merge();
  merge.apply(layerEntries(entries), "layer");
  const view = viewOfTree(merge.root, (size, extents) => sink.contentOf(size, extents));
  return { view, warnings, dataBytes: sink.files.reduce((sum, file) => sum + file.dataBytes, 0) };
}

/** Returns the differences as lines: a diff of whole trees is too long. */
function differences(want: View, got: View, told: (node: ViewNode) => object): string[] {
  return [...new Set([...want.keys(), ...got.keys()])].flatMap((path) => {
    const [one, other] = [want.get(path), got.get(path)].map(
      (node) => node && JSON.stringify(told(node)),
    );
    return one === other ? [] : [`${path}: ${other ?? "missing"}, not ${one ?? "there"}`];
  });
}

const everything = (node: ViewNode): object =>
  Object.fromEntries(Object.entries(node).toSorted(([a], [b]) => (a < b ? -1 : 1)));
const wholeSeconds = (node: ViewNode): object => everything({ ...node, nanoseconds: 0 });

/** bsdtar cannot write negative times in GNU tar's format. */
const sinceEpoch = (node: ViewNode): object =>
  wholeSeconds({ ...node, seconds: Math.max(0, node.seconds) });

const GNU = ["tar", "--numeric-owner", "--sort=name"];
const BSD = ["bsdtar", "--numeric-owner"];

test.each<[string, string, string[], (node: ViewNode) => object]>([
  ["GNU tar v7", "devices-not-in-v7", [...GNU, "--format=v7"], wholeSeconds],
  ["GNU tar ustar", "plain", [...GNU, "--format=ustar"], wholeSeconds],
  ["GNU tar oldgnu", "full", [...GNU, "--format=oldgnu"], wholeSeconds],
  ["GNU tar gnu", "full", [...GNU, "--format=gnu"], wholeSeconds],
  ["GNU tar gnu, sparse", "full", [...GNU, "--format=gnu", "-S"], wholeSeconds],
  ["GNU tar pax", "full", [...GNU, "--format=pax"], everything],
  [
    "GNU tar pax, sparse 0.0",
    "full",
    [...GNU, "--format=pax", "-S", "--sparse-version=0.0"],
    everything,
  ],
  [
    "GNU tar pax, sparse 0.1",
    "full",
    [...GNU, "--format=pax", "-S", "--sparse-version=0.1"],
    everything,
  ],
  [
    "GNU tar pax, sparse 1.0",
    "full",
    [...GNU, "--format=pax", "-S", "--sparse-version=1.0"],
    everything,
  ],
  ["bsdtar ustar", "plain", [...BSD, "--format=ustar"], wholeSeconds],
  ["bsdtar gnutar", "whole", [...BSD, "--format=gnutar"], sinceEpoch],
  ["bsdtar pax", "whole", [...BSD, "--format=pax"], everything],
  ["bsdtar restricted pax", "whole", [...BSD, "--format=paxr"], wholeSeconds],
])("T46 %s is read as the tree it was made of", async (...[, tree, words, told]) => {
  const name = tree === "devices-not-in-v7" ? "plain" : tree;
  const exclude =
    tree === "devices-not-in-v7"
      ? ["--exclude=./device", "--exclude=./disk", "--exclude=./pipe"]
      : [];
  const bytes = await commandBytes(...words, ...exclude, "-cf", "-", "-C", folder.in(name), ".");
  const want = new Map(trees.get(name));
  for (const option of exclude) want.delete(option.slice("--exclude=./".length));
  const { view, warnings } = readTar(bytes, 1 << 20);
  expect(differences(want, view, told)).toEqual([]);
  expect(warnings).toEqual([]);
  expect(differences(view, readTar(bytes, 509).view, everything)).toEqual([]);
});

test.each<[string, string[]]>([
  ["GNU tar, old", [...GNU, "--format=gnu", "-S"]],
  ["GNU tar, 1.0", [...GNU, "--format=pax", "-S"]],
  ["bsdtar", [...BSD, "--format=pax"]],
])("T46 holes stay holes (%s)", async (_, words) => {
  const names = ["holes", "tail-hole", "all-hole", "many-holes"];
  const bytes = await commandBytes(...words, "-cf", "-", "-C", folder.in("full"), ...names);
  const allocated = names.reduce(
    (sum, name) => sum + lstatSync(folder.in(`full/${name}`)).blocks * 512,
    0,
  );
  const { dataBytes } = readTar(bytes, 1 << 20);
  expect(dataBytes).toBeGreaterThan(0);
  expect(dataBytes).toBeLessThanOrEqual(allocated);
});

const acl = (text: string): string =>
  `0x${Buffer.from(parseAcl(text)?.value ?? "", "latin1").toString("hex")}`;

async function plantXattrs(root: string): Promise<void> {
  await mkdir(`${root}/dir`, { recursive: true });
  await writeFile(`${root}/file`, "x");
  await writeFile(`${root}/ping`, "x");
  await command("setcap", "cap_net_raw+ep", `${root}/ping`);
  await command("setfattr", "-n", "user.bytes", "-v", "0x613d620a6300fffe3d", `${root}/file`);
  await command("setfattr", "-n", "trusted.overlay.opaque", "-v", "y", `${root}/dir`);
}

describe("xattrs", () => {
  test.each<[string, string[]]>([
    ["GNU tar", [...GNU, "--xattrs", "--xattrs-include=*", "--format=pax"]],
    ["bsdtar", [...BSD, "--xattrs", "--format=pax"]],
  ])("that %s writes are those that the kernel has", async (_, words) => {
    const root = folder.in(`xattrs-${words[0]}`);
    await plantXattrs(root);
    const bytes = await commandBytes(...words, "-cf", "-", "-C", root, ".");
    expect(differences(viewOfFolder(root), readTar(bytes, 4096).view, everything)).toEqual([]);
  });

  test.each<[string, string[]]>([
    ["GNU tar", [...GNU, "--acls", "--format=pax"]],
    ["bsdtar", [...BSD, "--acls", "--format=pax"]],
  ])("of ACLs are what the kernel takes, and %s writes back", async (_, words) => {
    const root = folder.in(`acls-${words[0]}`);
    await mkdir(`${root}/dir`, { recursive: true });
    await writeFile(`${root}/file`, "x");
    for (const name of ["dir", "file"])
      await command("setfattr", "-n", "system.posix_acl_access", "-v", acl(ACL), `${root}/${name}`);
    await command("setfattr", "-n", "system.posix_acl_default", "-v", acl(ACL), `${root}/dir`);
    const want = viewOfFolder(root);
    expect(want.get("dir")?.xattrs).toEqual({
      "system.posix_acl_access": acl(ACL).slice(2),
      "system.posix_acl_default": acl(ACL).slice(2),
    });
    const bytes = await commandBytes(...words, "-cf", "-", "-C", root, ".");
    const { view, warnings } = readTar(bytes, 4096);
    expect(differences(want, view, everything)).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

test("TarReader reads bsdtar's time -86400.5 s like GNU tar", async () => {
  await writeFile(folder.in("old"), "x");
  await command("touch", "-d", "@-86400.5", folder.in("old"));
  const archive = folder.in("old.tar");
  await command(...BSD, "--format=pax", "-cf", archive, "-C", folder.path, "old");
  await mkdir(folder.in("gnu"));
  await command("tar", "-xf", archive, "-C", folder.in("gnu"));
  const { view } = readTar(await commandBytes("cat", archive), 4096);
  const { seconds, nanoseconds } = viewOfFolder(folder.in("gnu")).get("old") ?? {};
  expect(view.get("old")).toMatchObject({ seconds, nanoseconds });
  expect({ seconds, nanoseconds }).toEqual({ seconds: -86_402, nanoseconds: 500_000_000 });
});

test.each(["cpio", "zip", "7zip"])("T46 bsdtar's %s is refused", async (format) => {
  const bytes = await commandBytes(
    ...BSD,
    `--format=${format}`,
    "-cf",
    "-",
    "-C",
    folder.in("plain"),
    "dir",
  );
  expect(() => readTar(bytes, 4096)).toThrow("Cannot unpack layer");
});

test.each(["gzip", "zstd"])("TarReader reads an archive compressed by %s", async (program) => {
  const archive = folder.in(`${program}.tar`);
  await command(...GNU, "-cf", archive, "-C", folder.in("plain"), ".");
  const plain = await commandBytes("cat", archive);
  const bytes = await commandBytes(program, "-c", archive);
  const mediaType = `${TAR}+${program}`;
  const read = unpackLayer(bytes, { mediaType, diffId: diffIdOf(plain), chunkBytes: 1000 });
  expect(read.warnings).toEqual([]);
  expect(read.entries).toEqual(unpackLayer(plain).entries);
});
