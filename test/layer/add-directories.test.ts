import { expect, test } from "bun:test";
import { findFile, find } from "../../src/boot/image/find.ts";
import { KAIROS_DIRECTORIES } from "../../src/boot/image/kairos-image.ts";
import { addDirectories } from "../../src/layer/add-directories.ts";
import type { DirectoryNode } from "../../src/layer/tree.ts";
import { display } from "../../src/lib/byte-string.ts";
import { TandemError } from "../../src/lib/error.ts";
import { image } from "../boot/tree.ts";

/** "path mode" of each directory. */
function directoriesOf(root: DirectoryNode, above = ""): string[] {
  return [...root.children].flatMap(([name, node]) => {
    const path = `${above}/${display(name)}`;
    if (node.kind !== "directory") return [];
    return [`${path} ${node.mode.toString(8)}`, ...directoriesOf(node, path)];
  });
}

test("addDirectories() gives an empty tree the mount points of Kairos", () => {
  const { root } = image({});
  addDirectories(root, KAIROS_DIRECTORIES, 1234);
  expect(directoriesOf(root)).toEqual([
    "/run 755",
    "/dev 755",
    "/boot 755",
    "/usr 755",
    "/usr/local 755",
    "/oem 755",
    "/proc 555",
    "/sys 555",
    "/tmp 1777",
  ]);
  expect(find(root, "/usr/local")?.node).toMatchObject({
    uid: 0,
    gid: 0,
    mtime: { seconds: 1234, nanoseconds: 0 },
    xattrs: [],
  });
});

test("addDirectories() leaves alone what exists, with its mode and content", () => {
  const { root } = image({ "oem/90_custom.yaml": "x", "boot/vmlinuz": "k" });
  addDirectories(root, KAIROS_DIRECTORIES, 0);
  expect(find(root, "/oem")?.node.mode).toBe(0o644);
  expect(findFile(root, "/oem/90_custom.yaml")?.node.sizeBytes).toBe(1);
});

test("addDirectories() follows symlinks inside the tree", () => {
  const { root } = image({
    "usr/local": "→ /var/usrlocal",
    "var/usrlocal/here": "x",
    tmp: "→ ../../var/tmp",
  });
  addDirectories(root, KAIROS_DIRECTORIES, 0);
  expect(directoriesOf(root)).toContain("/var/tmp 1777");
  expect(find(root, "/usr/local")?.path).toBe("/var/usrlocal");
  expect(find(root, "/tmp")?.path).toBe("/var/tmp");
});

test.each([
  ["a file", { oem: "x" }, "/oem", "a file is in the way"],
  ["a file above", { oem: "x" }, "/oem/sub", "a file is in the way"],
  ["a loop", { oem: "→ oem" }, "/oem", "it has too many symbolic links"],
])("addDirectories() refuses %s", (_, files, ...[path, why]) => {
  const add = (): void => addDirectories(image(files).root, [{ path, mode: 0o755 }], 0);
  expect(add).toThrow(TandemError);
  expect(add).toThrow(`Cannot add the directory "${path}" to this image: ${why}`);
});
