import type { WantedDirectory } from "../../layer/add-directories.ts";
import type { DirectoryNode, FileNode, ImageTree } from "../../layer/tree.ts";
import { bootFiles } from "./boot-files.ts";
import { type Bootable, findBootable } from "./bootable.ts";
import { findFile } from "./find.ts";
import { inspectKairosImage, KAIROS_DIRECTORIES, kairosBootFiles } from "./kairos-image.ts";
import { readOsRelease } from "./os-release.ts";

/** What an upgrade needs to know about an image. */
export interface ImageFinding {
  readonly bootable: Bootable;
  /** Kernel and initrd, by their paths. */
  readonly files: ReadonlyMap<string, FileNode>;
  /** The version for people. */
  readonly version: string | undefined;
  /** The title that it wants in the boot menu. */
  readonly menuTitle?: string;
  /** What is wrong with the image and was forced, to be recorded. */
  readonly forced: readonly string[];
}

/** For which machine an image is. */
export interface ImageWanted {
  /** The name in OCI platforms: "amd64". */
  readonly architecture: string;
  /** Take the image in spite of its flaws. */
  readonly force: boolean;
}

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
