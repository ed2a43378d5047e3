import type { FileNode } from "../../layer/tree.ts";
import type { Bootable } from "./bootable.ts";

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
