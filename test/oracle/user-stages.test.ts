/** A stage of users in the root of a new system, with a program that the kernel runs there. Needs root. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hashRoot, readRoot } from "../../src/disk/hash-root.ts";
import { readBack } from "../../src/disk/read-back.ts";
import { find } from "../../src/boot/image/find.ts";
import { KAIROS_DIRECTORIES } from "../../src/boot/image/kairos-image.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { createBlockFile, openBlockFile } from "../../src/system/linux-block-file.ts";
import { linux } from "../../src/system/linux.ts";
import { runChrootStage } from "../../src/upgrade/user-stages.ts";
import { layeredContent } from "../../src/write/layered-content.ts";
import { rehash } from "../../src/write/rehash.ts";
import { writeImage } from "../../src/write/write-image.ts";
import { memoryLayers } from "../fakes/layers.ts";
import { command } from "../peers/command.ts";
import { complaints } from "../peers/ext4-tools.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

/** Stands for Kairos' program: says what it sees, and changes the new root. */
const AGENT = `#!/bin/sh
echo "$0 $*" > /seen
test -c /dev/null && echo "a device" >> /seen
test -r /proc/self/mountinfo && echo "processes" >> /seen
test -d /sys/kernel && echo "the kernel" >> /seen
cat /oem/config /usr/local/data >> /seen
dd if=/dev/zero of=/large bs=1048576 count=20 2>/dev/null
rm /replaced
ls / | wc -l > /dev/null
test ! -e /fail
`;

async function make(path: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const busybox = readFileSync((await command("which", "busybox")).trim());
  const source = memoryLayers([
    [
      { path: "bin/busybox", data: busybox, mode: 0o755 },
      ...["sh", "cat", "dd", "rm", "ls", "wc", "test"].map((name) => ({
        path: `bin/${name}`,
        kind: "symlink" as const,
        target: "busybox",
      })),
      { path: "usr/bin/kairos", data: AGENT, mode: 0o755 },
      { path: "replaced", data: Buffer.alloc(5 * MiB, "old") },
      ...Object.entries(more).map(([name, data]) => ({ path: name, data })),
    ],
  ]);
  const block = createBlockFile(path, 256 * MiB);
  try {
    const { ranges } = await writeImage({
      content: layeredContent(source, source.resolved),
      target: { block, path, offsetBytes: 0 },
      identity: { uuid: "01234567-89ab-cdef-0123-456789abcdef", label: "x", timeSeconds: 9 },
      checksums: "descriptors",
      directories: KAIROS_DIRECTORIES,
      fit: { freeBytes: 64 * MiB, minimumBytes: 0 },
      jobs: 1,
      cores: 1,
      talk: SILENT,
      signal: new AbortController().signal,
      withoutHoles: () => new Set(),
      inspect() {},
    });
    return hashRoot(await readBack(block, ranges));
  } finally {
    block.close();
  }
}

test.each([
  ["done", {}],
  ["failed", { fail: "" }],
] as const)("a stage that has %s changes the image, which is read back", async (outcome, more) => {
  await using folder = await temporaryFolder();
  const file = folder.in("transition.img");
  const before = await make(file, more);
  for (const name of ["oem", "persistent"]) mkdirSync(folder.in(name));
  writeFileSync(folder.in("oem/config"), "oem\n");
  writeFileSync(folder.in("persistent/data"), "data\n");
  const result = await runChrootStage(
    { system: linux, talk: SILENT, original: undefined, strict: false },
    {
      file,
      mountPoint: folder.in("root"),
      oem: folder.in("oem"),
      persistent: folder.in("persistent"),
    },
  );
  expect(result.outcome).toBe(outcome);
  expect(existsSync(folder.in("root"))).toBe(false);
  expect(await command("losetup", "-j", file)).toBe("");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(folder.path);
  expect(await complaints(file)).toEqual([]);
  const block = openBlockFile(file, { write: true });
  try {
    const after = await rehash(block);
    expect(after.hashRoot).not.toBe(before);
    expect(await readRoot(block, after.runs)).toBe(after.hashRoot);
    const { root, read } = openFileSystem(block);
    const seen = find(root, "/seen")?.node;
    expect(seen?.kind === "file" && Buffer.from(read(seen)).toString()).toBe(
      "/usr/bin/kairos agent run-stage after-upgrade-chroot\n" +
        "a device\nprocesses\nthe kernel\noem\ndata\n",
    );
    expect(find(root, "/large")?.node).toMatchObject({ kind: "file", sizeBytes: 20 * MiB });
    expect(find(root, "/replaced")).toBeUndefined();
    const dev = find(root, "/dev")?.node;
    expect(dev?.kind === "directory" && dev.children.size).toBe(0);
  } finally {
    block.close();
  }
});
