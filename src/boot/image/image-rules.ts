import type { WantedDirectory } from "../../layer/add-directories.ts";
import type { DirectoryNode, FileNode, ImageTree } from "../../layer/tree.ts";
import { bootFiles } from "./boot-files.ts";
import { findBootable } from "./bootable.ts";
import { findFile } from "./find.ts";
import type { ImageFinding, ImageWanted } from "./image-finding.ts";
import { inspectKairosImage, KAIROS_DIRECTORIES, kairosBootFiles } from "./kairos-image.ts";
import { readOsRelease } from "./os-release.ts";

/** What a boot loader needs of an image. */
export interface ImageRules {
  /** Looks at the merged tree before a file system is made from it. Throws "content" for an image that cannot boot. */
  inspect(tree: ImageTree, wanted: ImageWanted): ImageFinding;
  /** The files that the boot loader reads. They must have no holes. */
  bootFiles(root: DirectoryNode): ReadonlySet<FileNode>;
  /** The directories that are made when the image does not have them. */
  readonly directories: readonly WantedDirectory[];
}

/** Any image with a kernel. */
export const plainImages: ImageRules = {
  inspect(tree, { architecture }) {
    const { root, read } = tree;
    const bootable = findBootable(tree, architecture);
    const files = new Map<string, FileNode>();
    for (const path of [bootable.kernel, bootable.initrd]) {
      const found = path === undefined ? undefined : findFile(root, path);
      if (found !== undefined) files.set(found.path, found.node);
    }
    const release = readOsRelease(root, read);
    return { bootable, files, version: release?.version ?? release?.prettyName, forced: [] };
  },
  bootFiles,
  directories: [],
};

/** Images that the GRUB of an installed Kairos machine starts from an image file. */
export const kairosImages: ImageRules = {
  inspect: inspectKairosImage,
  bootFiles: kairosBootFiles,
  directories: KAIROS_DIRECTORIES,
};
