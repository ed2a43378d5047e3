/** Unpacks images into folders, through a file system that the kernel mounts. Needs root. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { SILENT } from "../../src/lib/talk.ts";
import { linux } from "../../src/system/linux.ts";
import { pullImage } from "../../src/upgrade/pull-image.ts";
import { command } from "../peers/command.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const WORK = { system: linux, talk: SILENT, signal: new AbortController().signal };

test("pullImage() unpacks an image with owners, links and attributes, and leaves nothing else", async () => {
  await using folder = await temporaryFolder();
  const layout = folder.in("layout");
  await writeImage(layout, {
    layers: [
      {
        tar: [
          { path: "etc/name", data: "pulled", mode: 0o640, uid: 7, gid: 8 },
          { path: "etc/link", kind: "symlink", target: "name" },
          { path: "etc/twin", kind: "hardlink", target: "etc/name" },
        ],
      },
    ],
  });
  const target = folder.in("root");
  mkdirSync(target);
  writeFileSync(`${target}/mine`, "stays");
  const request = { source: `oci-layout:${layout}`, folder: target, insecureRegistries: [] };
  expect(await pullImage(WORK, request)).toStartWith("sha256:");
  expect(readdirSync(target).toSorted()).toEqual(["etc", "mine"]);
  const { uid, gid, mode, nlink, ino } = statSync(`${target}/etc/name`);
  expect([uid, gid, mode & 0o777, nlink]).toEqual([7, 8, 0o640, 2]);
  expect(statSync(`${target}/etc/twin`).ino).toBe(ino);
  expect(readFileSync(`${target}/etc/link`, "utf8")).toBe("pulled");
  expect(readdirSync(folder.path).toSorted()).toEqual(["layout", "root"]);
  expect(await command("losetup", "-a")).not.toContain("tandem-pull");
});

test("pullImage() of an image that is damaged leaves the folder as it was", async () => {
  await using folder = await temporaryFolder();
  const layout = folder.in("layout");
  const { layers } = await writeImage(layout, { layers: [{ tar: [{ path: "a", data: "b" }] }] });
  const [layer] = layers;
  const blob = `${layout}/blobs/${layer?.digest.replace(":", "/")}`;
  const bytes = readFileSync(blob);
  bytes[bytes.length - 1] = 255 - (bytes.at(-1) ?? 0);
  writeFileSync(blob, bytes);
  const request = {
    source: `oci-layout:${layout}`,
    folder: folder.in("root"),
    insecureRegistries: [],
  };
  await expect(pullImage(WORK, request)).rejects.toMatchObject({ code: "content" });
  expect(readdirSync(folder.path)).toEqual(["layout"]);
});
