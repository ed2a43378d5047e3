import type { DirectoryNode, FileNode } from "../layer/tree.ts";
import { TandemError } from "../lib/error.ts";
import { findFile, readText } from "./find.ts";
import { OPTIONS_BYTES_MAX, parseOptions, tooLong } from "./image-options.ts";
import { findStartFiles } from "./start-files.ts";

/** What a boot loader needs to start a system. Paths are absolute, inside the slot, and free of symlinks. */
export interface Bootable {
  readonly kernel: string;
  /** Undefined when the image says that it needs none. */
  readonly initrd: string | undefined;
  /** Kernel options of the image, one space between them; may be empty. */
  readonly options: string;
}

/** As kernel-install(8) looks for it: the administrator's file before the vendor's. */
const CMDLINES = ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"] as const;

/**
 * Finds kernel, initrd and options in an image. `read` gives all the bytes of a file of the tree. Throws TandemError "content" for an
 * image that cannot boot.
 */
export function findBootable(root: DirectoryNode, read: (node: FileNode) => Uint8Array): Bootable {
  const { kernel, initrd } = findStartFiles(root);
  return {
    kernel: plain(kernel.path, "kernel"),
    initrd: initrd === undefined ? undefined : plain(initrd.path, "initrd"),
    options: findOptions(root, read),
  };
}

function findOptions(root: DirectoryNode, read: (node: FileNode) => Uint8Array): string {
  for (const path of CMDLINES) {
    const text = readText({ root, read }, path, 2 * OPTIONS_BYTES_MAX);
    if (text !== undefined) return parseOptions(text, path);
    if (findFile(root, path) !== undefined) throw tooLong(path);
  }
  return "";
}

/** Boot loaders read paths from text files: nothing that needs quoting. */
function plain(path: string, what: string): string {
  if (/^[\w/.+:@~-]+$/.test(path)) return path;
  throw new TandemError(
    "content",
    `Cannot boot this image: the path of its ${what} ${JSON.stringify(path)} has characters that a boot loader cannot take`,
  );
}
