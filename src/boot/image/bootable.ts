import type { DirectoryNode, FileNode, ImageTree } from "../../layer/tree.ts";
import { TandemError } from "../../lib/error.ts";
import { findFile, type Found, readTreeText } from "./find.ts";
import { OPTIONS_BYTES_MAX } from "../../control/spec.ts";
import { parseOptions, tooLong } from "./options.ts";
import { INITRD_BYTES_MAX, INITRD_HEAD_BYTES, readInitrd } from "./initrd-image.ts";
import { flawOfKernel, KERNEL_HEAD_BYTES } from "./kernel-image.ts";
import { findStartFiles } from "./start-files.ts";

/** What a boot loader needs to start a system. Paths are absolute inside the slot and contain no symlinks. */
export interface Bootable {
  readonly kernel: string;
  /** undefined: the image says that it needs none. */
  readonly initrd: string | undefined;
  /** Kernel options of the image, separated by one space; may be empty. */
  readonly options: string;
}

/** The order of kernel-install(8): the administrator's file before the vendor's. */
const CMDLINES = ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"] as const;
/** The programs that Linux tries to start (init/main.c), and the one that systemd in an initrd starts. */
const INITS = ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh", "/usr/lib/systemd/systemd"];

/** Finds kernel, initrd and options in an image. Throws TandemError "content" for an image that cannot boot on `architecture`. */
export function findBootable(tree: ImageTree, architecture: string): Bootable {
  const { kernel, initrd } = findStartFiles(tree.root);
  const head = tree.read(kernel.node, KERNEL_HEAD_BYTES);
  const flaw = flawOfKernel({ head, sizeBytes: kernel.node.sizeBytes }, architecture);
  if (flaw !== undefined) throw refused(`its kernel ${kernel.path} ${flaw}`);
  const options = findOptions(tree);
  if (!mayHaveInit(tree, initrd) && !hasInit(tree.root, options))
    throw refused("there is no init in it, nor in its initrd");
  return {
    kernel: requirePlain(kernel.path, "kernel"),
    initrd: initrd === undefined ? undefined : requirePlain(initrd.path, "initrd"),
    options,
  };
}

function mayHaveInit({ read }: ImageTree, initrd: Found<FileNode> | undefined): boolean {
  if (initrd === undefined) return false;
  const { path, node } = initrd;
  const head = readInitrd(read(node, INITRD_HEAD_BYTES), node.sizeBytes);
  const isUnread = "hasInit" in head && head.hasInit === "unread";
  const facts = isUnread ? readInitrd(read(node, INITRD_BYTES_MAX), node.sizeBytes) : head;
  if ("invalid" in facts) throw refused(`its initrd ${path} ${facts.invalid}`);
  return facts.hasInit !== false;
}

function hasInit(root: DirectoryNode, options: string): boolean {
  const named = / init=(\S+)/.exec(` ${options}`)?.[1];
  return (named === undefined ? INITS : [named]).some((path) => findFile(root, path) !== undefined);
}

function findOptions(tree: ImageTree): string {
  for (const path of CMDLINES) {
    const text = readTreeText(tree, path, 2 * OPTIONS_BYTES_MAX);
    if (text !== undefined) return parseOptions(text, path);
    if (findFile(tree.root, path) !== undefined) throw tooLong(path);
  }
  return "";
}

/** Boot loaders read paths from text files, so a path must not need quoting. Throws `content`. */
function requirePlain(path: string, what: string): string {
  if (/^[\w/.+:@~-]+$/.test(path)) return path;
  throw refused(
    `the path of its ${what} ${JSON.stringify(path)} has characters that a boot loader cannot take`,
  );
}

function refused(why: string): TandemError {
  return new TandemError("content", `Cannot boot this image: ${why}`);
}
