import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  finishSwap,
  type ImageFolder,
  readImageFiles,
  swapImages,
} from "../../../src/slot/kairos/image-files.ts";
import { MiB } from "../../../src/lib/units.ts";
import { FileFault } from "../../../src/system/failure.ts";
import { linuxMountedFiles, type MountedFiles } from "../../../src/system/mounted-files.ts";
import { directory, IDENTITY } from "../../fakes/ext4-image.ts";
import { writeExt4 } from "../../peers/ext4-tools.ts";
import { temporaryFolder, type TemporaryFolder } from "../../peers/temporary-folder.ts";

const CHECKSUMS = ["descriptors", "metadata"] as const;
type Checksums = (typeof CHECKSUMS)[number];

const SYSTEMS = [
  ["active", "v1", "COS_ACTIVE"],
  ["passive", "v0", "COS_PASSIVE"],
  ["transition", "v2", "COS_ACTIVE"],
] as const;

function fill(folder: TemporaryFolder, checksums: Checksums): void {
  for (const [name, content, label] of SYSTEMS)
    writeExt4(
      folder.in(`${name}.img`),
      { sizeBytes: 4 * MiB, checksums, identity: { ...IDENTITY, label } },
      (image) => directory({ content: image.file(content) }),
    );
}

/** Labels and contents. The content is in the first data block after the metadata, wherever that is. */
function systemsIn(folder: TemporaryFolder): string[] {
  const files = readImageFiles({ path: folder.path, files: unflushed });
  return Object.entries(files).map(([name, { label }]) => {
    const [content] = /v[012](?=\0)/.exec(readFileSync(folder.in(`${name}.img`), "latin1")) ?? [];
    return `${name} ${content} ${label}`;
  });
}

/** Waits for no disk. The oracle tests look at what a flush does. */
const unflushed: MountedFiles = { ...linuxMountedFiles, flush: () => {} };

const CALLS = ["link", "rename", "write", "remove", "flush"] as const;

/** The power fails instead of the call with this number. */
function failingAt(at: number): { readonly files: MountedFiles; readonly log: string[] } {
  const log: string[] = [];
  const counted = CALLS.map((name) => [
    name,
    (...words: never[]): void => {
      if (log.length === at) throw new FileFault("/", "no power", "EIO");
      log.push(name);
      const call: (...of: never[]) => void = unflushed[name];
      call(...words);
    },
  ]);
  return { files: { ...unflushed, ...Object.fromEntries(counted) }, log };
}

test.each(CHECKSUMS)("swapImages() with checksums of %s, and every interruption", async (form) => {
  for (let at = 0; ; at += 1) {
    await using folder = await temporaryFolder();
    fill(folder, form);
    const { files, log } = failingAt(at);
    const images: ImageFolder = { path: folder.path, files };
    try {
      swapImages(images, { keepPassive: false });
    } catch (error) {
      expect(String(error)).toContain(`Cannot change the image files in ${folder.path}: no power`);
      finishSwap({ ...images, files: unflushed });
      const [active, passive, ...rest] = systemsIn(folder);
      const isDone = rest.length === 0;
      expect([active, passive]).toEqual(
        isDone
          ? ["active v2 COS_ACTIVE", "passive v1 COS_PASSIVE"]
          : ["active v1 COS_ACTIVE", "passive v0 COS_PASSIVE"],
      );
      expect(rest).toEqual(isDone ? [] : ["transition v2 COS_ACTIVE"]);
      continue;
    }
    expect(systemsIn(folder)).toEqual(["active v2 COS_ACTIVE", "passive v1 COS_PASSIVE"]);
    expect(log.join(" ")).toBe(
      "flush link flush rename flush write flush link flush rename flush remove flush",
    );
    return;
  }
});

test("swapImages() from passive gives up the active system and keeps the passive one", async () => {
  await using folder = await temporaryFolder();
  fill(folder, "descriptors");
  swapImages({ path: folder.path, files: unflushed }, { keepPassive: true });
  expect(systemsIn(folder)).toEqual(["active v2 COS_ACTIVE", "passive v0 COS_PASSIVE"]);
  expect(existsSync(folder.in("replaced.img"))).toBe(false);
});

test("finishSwap() refuses a file that is no system, and names it", async () => {
  await using folder = await temporaryFolder();
  fill(folder, "descriptors");
  writeFileSync(folder.in("previous.img"), "short");
  expect(() => finishSwap({ path: folder.path, files: unflushed })).toThrow(
    `${folder.in("previous.img")}: it has no ext4 superblock`,
  );
});
