/** What tandem writes is what umoci unpacks from the same image; and the comparison sees every kind of difference. */
import { expect, test } from "bun:test";
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

import { command } from "../peers/command.ts";
import { compareTrees } from "../peers/compare-trees.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

/** The same small tree every time. */
async function plant(root: string): Promise<void> {
  await mkdir(`${root}/etc`, { recursive: true });
  await writeFile(`${root}/etc/motd`, "hello");
  await link(`${root}/etc/motd`, `${root}/etc/twin`);
  await symlink("motd", `${root}/etc/issue`);
  await command("mkfifo", `${root}/pipe`);
  await command("mknod", `${root}/null`, "c", "1", "3");
  await settle(root);
}

/** Planting and changing moves the times of folders. */
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

test.each(CHANGES)("compareTrees() sees %s", async (_, change, expected) => {
  await using folder = await temporaryFolder();
  await plant(folder.in("left"));
  await plant(folder.in("right"));
  await change(folder.in("right"));
  await settle(folder.in("right"));
  expect(compareTrees(folder.in("left"), folder.in("right"))).toEqual(expected);
});

test("compareTrees() sees nanoseconds, and nothing of what it is told to ignore", async () => {
  await using folder = await temporaryFolder();
  await plant(folder.in("left"));
  await plant(folder.in("right"));
  await command("touch", "-d", "@1600000000.000000001", folder.in("right/etc"));
  const expected = ["etc: mtime 1600000000000000000 ≠ 1600000000000000001"];
  expect(compareTrees(folder.in("left"), folder.in("right"))).toEqual(expected);
  expect(compareTrees(folder.in("left"), folder.in("right"), { ignore: ["etc"] })).toEqual([]);
});
