/**
 * A bare initramfs with tandem as its only program writes an image from a registry to a disk, and repairs a machine.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";

import { makeDisk, partOf, type Disk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Status } from "../../src/verdict/status.ts";
import { systemMembers, TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { writeImage, type Image } from "../peers/image.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { machineWords, makeBareInitramfs, resultsOf } from "./bare-machine.ts";
import { atSite, NAME, REGISTRY } from "./site.ts";

setDefaultTimeout(600_000);

const PORT = REGISTRY.split(":")[1];
/** The address of the host for a guest on QEMU's user network. */
const HOST = "10.0.2.2";
const BY_HOSTS = `hosts.test:${PORT}`;
const BY_DNS = `registry.test:${PORT}`;
const from = (host: string, tag: string): string =>
  `oci:${host}/${NAME}:${tag} --insecure-registry ${host}`;

const COMMANDS = {
  hosts: `/tandem write ${from(BY_HOSTS, "1")} /dev/vda`,
  dns: `/tandem write ${from(BY_DNS, "2")} /dev/vdb`,
  upgrade: `/tandem upgrade --disk /dev/vdc --source ${from(BY_DNS, "2")}`,
  hook: "/bin/busybox sh /hooks/50-tandem",
} as const;
/** A shell script that calls tandem, as a step of an initramfs does. */
const HOOK = `#!/bin/sh
if /tandem verify b --disk /dev/vdc; then echo "hook: slot b is whole"; fi
case $(/tandem status --disk /dev/vdc --json) in *'"trial":"b"'*) echo "hook: slot b is on trial" ;; esac
`;

let folder: TemporaryFolder;
let disk: Disk;
let results: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const images = await Promise.all(["1", "2"].map((version) => imageOf(version)));
  for (const name of ["vda", "vdb"]) {
    writeFileSync(folder.in(name), "");
    truncateSync(folder.in(name), 16 * MiB);
  }
  disk = makeDisk({ path: folder.in("vdc"), slotBytes: 16 * MiB });
  await installFirst(disk, { source: `oci-layout:${folder.in("1")}:1` });
  const initramfs = await makeBareInitramfs(folder, {
    files: {
      tandem: readFileSync(TANDEM),
      "bin/busybox": readFileSync("/bin/busybox"),
      "hooks/50-tandem": HOOK,
      "etc/hosts": `${HOST} hosts.test\n`,
      "etc/resolv.conf": `nameserver ${HOST}\n`,
    },
    commands: Object.values(COMMANDS),
  });
  const disks = ["vda", "vdb", "vdc"].map((name) => folder.in(name));
  const console = await atSite(
    { images, address: HOST },
    machineWords(folder, { initramfs, disks }),
  );
  results = resultsOf(console);
});
afterAll(() => folder[Symbol.asyncDispose]());

async function imageOf(version: string): Promise<Image> {
  const layers = [{ tar: systemMembers(version) }];
  return writeImage(folder.in(version), { tag: version, layers });
}

const outputOf = (name: keyof typeof COMMANDS): string =>
  results.get(COMMANDS[name])?.join("\n") ?? "";

test.each([
  ["hosts", "vda", "1"],
  ["dns", "vdb", "2"],
] as const)("a registry found by %s fills %s", async (name, device, version) => {
  expect(outputOf(name)).toMatch(/\/dev\/vd. holds sha256:[0-9a-f]{64}: \d+ inodes/m);
  expect(outputOf(name)).toMatch(/^status: 0$/m);
  const image = folder.in(device);
  await command("/sbin/e2fsck", "-fn", image);
  expect(await command("/sbin/debugfs", "-R", "cat /etc/os-release", image)).toBe(
    `VERSION=${version}\n`,
  );
});

test("the passive slot gets the new system, which is on trial at the next boot", async () => {
  expect(outputOf("upgrade")).toMatch(/Slot b holds sha256:\S+ .*is tried at the next boot/m);
  expect(outputOf("upgrade")).toMatch(/^status: 0$/m);
  const slot = `${disk.path}?offset=${partOf(disk, "b").offsetBytes}`;
  await command("/sbin/e2fsck", "-fn", slot);
  expect(await command("/sbin/debugfs", "-R", "cat /etc/os-release", slot)).toBe("VERSION=2\n");
  const status = await command(TANDEM, "status", "--json", "--disk", disk.path);
  expect((JSON.parse(status) as Status).record).toMatchObject({ good: "a", trial: "b" });
});

test("a shell script in the initramfs can run tandem", () => {
  expect(outputOf("hook").match(/^hook: .*$/gm)).toEqual([
    "hook: slot b is whole",
    "hook: slot b is on trial",
  ]);
});
