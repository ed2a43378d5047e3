/** tandem writes the same tree that umoci unpacks from an image. The comparison itself is tested too. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  chmod,
  link,
  lutimes,
  mkdir,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";

import { compressibleBytes } from "../../scripts/bench/filler.ts";
import { command, commandBytes } from "../peers/command.ts";
import { compareTrees } from "../peers/compare-trees.ts";
import { pushImage, writeImage } from "../peers/image.ts";
import { loopMount } from "../peers/loop-mount.ts";
import { type Registry, startRegistry } from "../peers/registry.ts";
import type { TarMember } from "../peers/tar.ts";
import { TANDEM } from "../peers/tandem.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { umociRawUnpack } from "../peers/umoci.ts";

/** Makes a small tree, the same in every run. */
async function plant(root: string): Promise<void> {
  await mkdir(`${root}/etc`, { recursive: true });
  await writeFile(`${root}/etc/motd`, "hello");
  await link(`${root}/etc/motd`, `${root}/etc/twin`);
  await symlink("motd", `${root}/etc/issue`);
  await command("mkfifo", "--mode=644", `${root}/pipe`);
  await command("mknod", `${root}/null`, "c", "1", "3");
  await settle(root);
}

/** Making and changing files changes the times of folders, so set them. */
async function settle(root: string): Promise<void> {
  const names = ["etc/motd", "pipe", "null", "etc", "."];
  for (const name of names.filter((each) => existsSync(`${root}/${each}`)))
    await utimes(`${root}/${name}`, 1_600_000_000, 1_600_000_000);
  await lutimes(`${root}/etc/issue`, 1_600_000_000, 1_600_000_000);
}

const CHANGES: [string, (root: string) => Promise<unknown>, string[]][] = [
  ["nothing", () => Promise.resolve(), []],
  [
    "a content",
    (root) => writeFile(`${root}/etc/motd`, "hallo"),
    [
      "etc/motd: content 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 ≠ d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9",
      "etc/twin: content 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 ≠ d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9",
    ],
  ],
  ["a mode", (root) => chmod(`${root}/pipe`, 0o4600), ["pipe: mode 644 ≠ 4600"]],
  ["an owner", (root) => command("chown", "7:8", `${root}/etc`), ["etc: owner 0:0 ≠ 7:8"]],
  [
    "a link's owner",
    (root) => command("chown", "-h", "7:8", `${root}/etc/issue`),
    ["etc/issue: owner 0:0 ≠ 7:8"],
  ],
  ["a file less", (root) => rm(`${root}/pipe`), ["pipe: only on the left"]],
  ["a name more", (root) => mkdir(`${root}/new`), ["new: only on the right"]],
  [
    "a link that became a copy",
    async (root) => {
      await unlink(`${root}/etc/twin`);
      await command("cp", "-p", `${root}/etc/motd`, `${root}/etc/twin`);
    },
    [
      "etc/motd: links 2 ≠ 1",
      "etc/twin: same file as etc/motd ≠ etc/twin",
      "etc/twin: links 2 ≠ 1",
    ],
  ],
  [
    "a target",
    async (root) => {
      await unlink(`${root}/etc/issue`);
      await symlink("twin", `${root}/etc/issue`);
    },
    ["etc/issue: target motd ≠ twin"],
  ],
  [
    "a device number",
    async (root) => {
      await unlink(`${root}/null`);
      await command("mknod", `${root}/null`, "c", "259", "65536");
    },
    ["null: device 1:3 ≠ 259:65536"],
  ],
  [
    "a kind",
    async (root) => {
      await unlink(`${root}/null`);
      await command("mknod", `${root}/null`, "b", "1", "3");
    },
    ["null: kind character device ≠ block device"],
  ],
  [
    "a capability",
    (root) => command("setcap", "cap_net_raw+ep", `${root}/etc/motd`),
    [
      "etc/motd: xattr security.capability none ≠ 0100000200200000000000000000000000000000",
      "etc/twin: xattr security.capability none ≠ 0100000200200000000000000000000000000000",
    ],
  ],
];

test.each(CHANGES)("compareTrees() finds %s", async (_, change, expected) => {
  await using folder = await temporaryFolder();
  await plant(folder.in("left"));
  await plant(folder.in("right"));
  await change(folder.in("right"));
  await settle(folder.in("right"));
  expect(compareTrees(folder.in("left"), folder.in("right"))).toEqual(expected);
});

test("compareTrees() finds nanoseconds, and ignores the given paths", async () => {
  await using folder = await temporaryFolder();
  await plant(folder.in("left"));
  await plant(folder.in("right"));
  await command("touch", "-d", "@1600000000.000000001", folder.in("right/etc"));
  const expected = ["etc: mtime 1600000000000000000 ≠ 1600000000000000001"];
  expect(compareTrees(folder.in("left"), folder.in("right"))).toEqual(expected);
  expect(compareTrees(folder.in("left"), folder.in("right"), { ignore: ["etc"] })).toEqual([]);
});

/** cap_net_raw=ep, revision 2 (linux/capability.h). */
const CAP = Buffer.from("0100000200200000000000000000000000000000", "hex");

/**
 * An image with everything that a layer can have: kinds of files, links, numbers at their limits, deletions,
 * replacements.
 */
const BASE: readonly TarMember[] = [
  { path: "./", kind: "directory", mtime: "1700000000", mode: 0o755 },
  { path: "bin", kind: "symlink", target: "usr/bin" },
  { path: "usr", kind: "directory" },
  { path: "usr/bin", kind: "directory", mtime: "1500000000" },
  { path: "usr/bin/su", data: "set-user-ID", mode: 0o4755 },
  { path: "usr/bin/mail", data: "set-group-ID", mode: 0o2755, gid: 8 },
  { path: "usr/bin/ping", data: "capable", mode: 0o755, xattrs: { "security.capability": CAP } },
  // umoci gives the current time to directories that no layer lists, and to their parents.
  { path: "usr/share", kind: "directory" },
  { path: "tmp", kind: "directory", mode: 0o1777 },
  { path: "dev", kind: "directory" },
  { path: "dev/null", kind: "character", major: 1, minor: 3, mode: 0o666 },
  { path: "dev/sda", kind: "block", major: 8, minor: 0, gid: 6, mode: 0o660 },
  { path: "dev/nvme", kind: "block", major: 259, minor: 65_535, mode: 0o660 },
  { path: "run", kind: "directory" },
  { path: "run/initctl", kind: "fifo", mode: 0o600 },
  { path: "home", kind: "directory" },
  { path: "home/one", data: "linked", uid: 1000, gid: 1000, mtime: "1700000000.123456789" },
  { path: "home/two", kind: "hardlink", target: "home/one" },
  { path: "home/three", kind: "hardlink", target: "home/two" },
  { path: "home/loose", kind: "symlink", target: "/nowhere/at/all", uid: 7, gid: 8 },
  { path: "home/long", kind: "symlink", target: `${"way/".repeat(40)}end` },
  { path: `home/${"n".repeat(255)}`, data: "long name" },
  { path: "home/\u00fcml\u00e4ut \n", data: "odd name", uid: 3_000_000, gid: 4_000_000 },
  { path: "home/old", data: "before 1970", mtime: "-86400.5" },
  { path: "home/late", data: "after 2038", mtime: "4102444800.000000001" },
  {
    path: "home/tagged",
    data: "x",
    xattrs: { "user.tag": Buffer.from("a\0b") },
  },
  { path: "home/tags", kind: "directory", xattrs: { "user.large": Buffer.alloc(2000, "t") } },
  { path: "home/empty", data: "" },
  ...[1, 4095, 4096, 4097, 1_048_577].map((size): TarMember => ({
    path: `home/size-${size}`,
    data: compressibleBytes("size", size),
  })),
  { path: "etc", kind: "directory" },
  { path: "etc/deleted", data: "not to be seen" },
  { path: "etc/replaced", data: "the first of two", mode: 0o600 },
  { path: "etc/folder", kind: "directory" },
  { path: "etc/folder/inside", data: "goes with its folder" },
  { path: "etc/opaque", kind: "directory" },
  { path: "etc/opaque/below", data: "covered" },
  { path: "etc/turned", kind: "directory" },
  { path: "etc/turned/inside", data: "goes too" },
];
const CHANGED: readonly TarMember[] = [
  { path: "etc", kind: "directory", mtime: "1710000000", gid: 3 },
  { path: "etc/.wh.deleted", data: "" },
  { path: "etc/.wh.folder", data: "" },
  { path: "etc/replaced", data: "the second, and longer", uid: 5 },
  { path: "etc/opaque", kind: "directory", mode: 0o700, mtime: "1710000001" },
  { path: "etc/opaque/.wh..wh..opq", data: "" },
  { path: "etc/opaque/above", data: "uncovered" },
  { path: "etc/turned", kind: "symlink", target: "opaque" },
  { path: "home/four", kind: "hardlink", target: "home/one" },
  { path: "home", kind: "directory", mtime: "1710000002" },
];

/** Files of this machine, archived by GNU tar: thousands of names, hard links, long paths. */
function machineTar(): Promise<Buffer> {
  const folders = ["usr/share/zoneinfo", "usr/share/perl", "usr/sbin", "etc/ssl"];
  const flags = ["--format=posix", "--xattrs", "--pax-option=delete=atime,delete=ctime"];
  return commandBytes("tar", "-C", "/", ...flags, "--ignore-failed-read", "-cf", "-", ...folders);
}

describe("an image written by tandem", () => {
  const parts = new AsyncDisposableStack();
  let registry: Registry;
  let folder: TemporaryFolder;
  let wanted: string;

  beforeAll(async () => {
    registry = parts.use(await startRegistry());
    folder = parts.use(await temporaryFolder());
    const tars = [BASE, await machineTar(), CHANGED];
    for (const compression of ["gzip", "zstd", "none"] as const) {
      const layers = tars.map((layer) => ({ tar: layer, compression }));
      const image = await writeImage(folder.in("layout"), { layers, tag: compression });
      await pushImage(image, { host: registry.host, name: `os/all:${compression}` });
    }
    wanted = folder.in("umoci");
    await umociRawUnpack({ layout: folder.in("layout"), tag: "gzip" }, wanted);
  });
  afterAll(() => parts.disposeAsync());

  const write = async (name: string, compression: string, ...flags: string[]): Promise<string> => {
    const source = `oci:${registry.host}/os/all:${compression}`;
    await command(...TANDEM, "write", source, folder.in(name), "--size", "512MiB", ...flags);
    return folder.in(name);
  };

  test.each(["gzip", "zstd", "none"])("T47 equals what umoci unpacks (%s)", async (compression) => {
    const image = await write(`${compression}.img`, compression);
    await command("e2fsck", "-fn", image);
    await using mount = await loopMount(image);
    expect(compareTrees(wanted, mount.path, { ignore: ["lost+found"] })).toEqual([]);
  });

  test("T78 with --jobs 1 has the same bytes every time", async () => {
    const one = await write("one.img", "gzip", "--jobs", "1");
    const other = await write("other.img", "gzip", "--jobs", "1");
    await command("cmp", one, other);
  });

  test.each(["2", "3", "4"])("T47 with --jobs %s has the same tree", async (jobs) => {
    const image = await write(`jobs-${jobs}.img`, "zstd", "--jobs", jobs);
    await command("e2fsck", "-fn", image);
    await using mount = await loopMount(image);
    expect(compareTrees(wanted, mount.path, { ignore: ["lost+found"] })).toEqual([]);
  });
});
