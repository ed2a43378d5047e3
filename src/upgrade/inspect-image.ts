import { type Bootable, findBootable } from "../boot/image/bootable.ts";
import { findFile } from "../boot/image/find.ts";
import { readOsRelease } from "../boot/image/os-release.ts";
import type { FileNode, ImageTree } from "../layer/tree.ts";

/** What an upgrade needs to know about an image. */
export interface ImageFinding {
  readonly bootable: Bootable;
  /** Kernel and initrd, by their paths. */
  readonly files: ReadonlyMap<string, FileNode>;
  /** The version for people. */
  readonly version: string | undefined;
}

/** Looks at the merged tree before a file system is made from it. Throws "content" for an image that cannot boot. */
export function inspectImage(tree: ImageTree, architecture: string): ImageFinding {
  const { root, read } = tree;
  const bootable = findBootable(tree, architecture);
  const files = new Map<string, FileNode>();
  for (const path of [bootable.kernel, bootable.initrd]) {
    const found = path === undefined ? undefined : findFile(root, path);
    if (found !== undefined) files.set(found.path, found.node);
  }
  const release = readOsRelease(root, read);
  return { bootable, files, version: release?.version ?? release?.prettyName };
}
