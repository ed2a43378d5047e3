import { byteStringOf } from "../../lib/byte-string.ts";
import type { DirectoryNode, FileNode } from "../../layer/tree.ts";
import { findFile, namesIn } from "./find.ts";

const FOLDERS = ["/boot", "/usr/lib/modules"] as const;
const NAMES = ["vmlinuz", "initrd", "initramfs"].map(byteStringOf);

/** All kernels and initrds of an image. Symlinks are followed. */
export function bootFiles(root: DirectoryNode): ReadonlySet<FileNode> {
  const [boot, modules] = FOLDERS;
  const folders = [boot, ...namesIn(root, modules).map((version) => `${modules}/${version}`)];
  const paths = folders.flatMap((folder) =>
    namesIn(root, folder)
      .filter((name) => NAMES.some((start) => name.startsWith(start)))
      .map((name) => `${folder}/${name}`),
  );
  return new Set(paths.flatMap((path) => findFile(root, path)?.node ?? []));
}
