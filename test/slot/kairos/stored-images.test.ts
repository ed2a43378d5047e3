import { expect, test } from "bun:test";
import { linkSync, renameSync } from "node:fs";
import { recoveryImage, stateImages } from "../../../src/slot/kairos/stored-images.ts";
import { temporaryFolder } from "../../peers/temporary-folder.ts";
import { unflushed } from "./kairos-kernel.ts";
import { fill, system, uuidOf } from "./systems.ts";

const filesOf = (root: string): string[] =>
  Object.entries(stateImages(unflushed, root)).map(
    ([slot, { file, uuid }]) => `${slot} ${file} ${uuid}`,
  );

test("stateImages() names the files and their file systems", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, {
    "active.img": system("COS_ACTIVE", 2),
    "passive.img": new Uint8Array(7),
    "transition.img": system("COS_ACTIVE", 3),
  });
  expect(filesOf(folder.path)).toEqual([
    `active /cOS/active.img ${uuidOf(2)}`,
    "passive /cOS/passive.img undefined",
    `transition /cOS/transition.img ${uuidOf(3)}`,
  ]);
  expect(stateImages(unflushed, folder.path).active?.sizeBytes).toBe(4096);
});

test("stateImages() names the files as they will be called when a swap is finished", async () => {
  await using folder = await temporaryFolder();
  const cos = `${folder.path}/cOS`;
  fill(folder.path, {
    "active.img": system("COS_ACTIVE", 2),
    "passive.img": system("COS_PASSIVE", 1),
    "transition.img": system("COS_ACTIVE", 3),
  });
  linkSync(`${cos}/active.img`, `${cos}/previous.img`);
  expect(filesOf(folder.path).slice(0, 2)).toEqual([
    `active /cOS/active.img ${uuidOf(2)}`,
    `passive /cOS/passive.img ${uuidOf(1)}`,
  ]);
  renameSync(`${cos}/transition.img`, `${cos}/active.img`);
  expect(filesOf(folder.path)).toEqual([
    `active /cOS/active.img ${uuidOf(3)}`,
    `passive /cOS/previous.img ${uuidOf(2)}`,
  ]);
});

test("stateImages() has nothing without image files", async () => {
  await using folder = await temporaryFolder();
  expect(stateImages(unflushed, folder.path)).toEqual({});
});

test.each<[string, Record<string, Uint8Array>, unknown]>([
  ["the image", { "recovery.img": system("COS_SYSTEM", 1) }, uuidOf(1)],
  [
    "the image beside an empty squashfs",
    { "recovery.img": system("COS_SYSTEM", 1), "recovery.squashfs": new Uint8Array(0) },
    uuidOf(1),
  ],
])("recoveryImage() is %s", async (_, files, uuid) => {
  await using folder = await temporaryFolder();
  fill(folder.path, files);
  expect(recoveryImage(unflushed, folder.path)).toMatchObject({ file: "/cOS/recovery.img", uuid });
});

test("recoveryImage() is the squashfs when there is one", async () => {
  await using folder = await temporaryFolder();
  expect(recoveryImage(unflushed, folder.path)).toBeUndefined();
  fill(folder.path, {
    "recovery.img": system("COS_SYSTEM", 1),
    "recovery.squashfs": Buffer.from("hsqs".padEnd(4096, "x")),
  });
  expect(recoveryImage(unflushed, folder.path)).toMatchObject({
    file: "/cOS/recovery.squashfs",
    sizeBytes: 4096,
    uuid: undefined,
  });
});
