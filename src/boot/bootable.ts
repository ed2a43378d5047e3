import { TandemError } from "../lib/error.ts";
import type { ByteString } from "../lib/byte-string.ts";
import type { DirectoryNode, FileNode } from "../layer/tree.ts";
import { findFile, namesIn, readText } from "./find.ts";
import { compareVersions } from "./version.ts";

/** What a boot loader needs to start a system. Paths are absolute, inside the slot, and free of symlinks. */
export interface Bootable {
  readonly kernel: string;
  /** Undefined when the image says that it needs none. */
  readonly initrd: string | undefined;
  /** Kernel options of the image, one space between them; may be empty. */
  readonly options: string;
}

/** An image with this file boots without an initrd: its kernel can read the root file system by itself. */
export const NO_INITRD = "/usr/lib/tandem/no-initrd";

/** As kernel-install(8) looks for it: the administrator's file before the vendor's. */
const CMDLINES = ["/etc/kernel/cmdline", "/usr/lib/kernel/cmdline"] as const;
const MODULES = "/usr/lib/modules";

/** Linux takes 2048 bytes of options on x86; tandem's own need some of them. */
const OPTIONS_BYTES_MAX = 1536;

/** The options that tandem gives: an image cannot know its partition, and must not pose as the boot loader. */
const OWNED = /^(?:root=.*|rootfstype=.*|ro|rw|BOOT_IMAGE=.*|tandem\..*)$/;

interface Kernel {
  readonly path: string;
  /** Undefined for a file that is called just "vmlinuz". */
  readonly version: string | undefined;
}

/**
 * Finds kernel, initrd and options in an image. `read` gives all the bytes of a file of the tree. /boot/vmlinuz, if it is there, is the
 * image's own choice; otherwise the highest version counts. Throws TandemError "content" for an image that cannot boot.
 */
export function findBootable(root: DirectoryNode, read: (node: FileNode) => Uint8Array): Bootable {
  const kernel = findKernel(root);
  return {
    kernel: plain(kernel.path, "kernel"),
    initrd: findInitrd(root, kernel),
    options: findOptions(root, read),
  };
}

function findKernel(root: DirectoryNode): Kernel {
  const chosen = findFile(root, "/boot/vmlinuz");
  if (chosen !== undefined) return { path: chosen.path, version: versionOf(chosen.path) };
  const kernels = kernelPaths(root)
    .map((path) => ({ path: findFile(root, path)?.path, version: versionOf(path) }))
    .filter((kernel): kernel is Kernel => kernel.path !== undefined);
  const [best] = kernels.toSorted((one, other) =>
    compareVersions(other.version ?? "", one.version ?? ""),
  );
  if (best !== undefined) return best;
  throw new TandemError(
    "content",
    `Cannot boot this image: it has no kernel at /boot/vmlinuz, /boot/vmlinuz-VERSION or ${MODULES}/VERSION/vmlinuz`,
    { hint: "Add a kernel to the image, or use one that was made to boot a machine" },
  );
}

/** Those in /boot first: at equal versions they win, the sort being stable. */
function kernelPaths(root: DirectoryNode): string[] {
  const inBoot = namesIn(root, "/boot").filter((name) => name.startsWith("vmlinuz-"));
  return [
    ...inBoot.map((name) => `/boot/${name}`),
    ...namesIn(root, MODULES).map((version: ByteString) => `${MODULES}/${version}/vmlinuz`),
  ];
}

function versionOf(path: string): string | undefined {
  const match = /\/vmlinuz-([^/]+)$/.exec(path) ?? /\/modules\/([^/]+)\/vmlinuz$/.exec(path);
  return match?.[1];
}

function findInitrd(root: DirectoryNode, kernel: Kernel): string | undefined {
  if (findFile(root, NO_INITRD) !== undefined) return undefined;
  const candidates = initrdPaths(kernel.version);
  for (const candidate of candidates) {
    const found = findFile(root, candidate);
    if (found !== undefined) return plain(found.path, "initrd");
  }
  throw new TandemError(
    "content",
    `Cannot boot this image: its kernel ${kernel.path} has no initrd at ${candidates.join(", ")}`,
    { hint: `Add an initrd to the image, or the file ${NO_INITRD} if it needs none` },
  );
}

/** Debian, Fedora, openSUSE, Alpine and Arch each name it in another way; names without a version are the last resort. */
function initrdPaths(version: string | undefined): string[] {
  const plainNames = ["/boot/initrd", "/boot/initrd.img", "/boot/initramfs", "/boot/initramfs.img"];
  if (version === undefined) return plainNames;
  const inBoot = ["initrd.img-V", "initramfs-V.img", "initrd-V", "initramfs-V"];
  const inModules = ["initrd", "initrd.img", "initramfs.img"];
  return [
    ...inBoot.map((name) => `/boot/${name.replace("V", () => version)}`),
    ...inModules.map((name) => `${MODULES}/${version}/${name}`),
    ...plainNames,
  ];
}

function findOptions(root: DirectoryNode, read: (node: FileNode) => Uint8Array): string {
  for (const path of CMDLINES) {
    const text = readText({ root, read }, path, 2 * OPTIONS_BYTES_MAX);
    if (text !== undefined) return parseOptions(text, path);
    if (findFile(root, path) !== undefined) throw tooLong(path);
  }
  return "";
}

/** The options in a cmdline file: lines are joined, those that start with "#" left out, and what tandem gives itself dropped. */
export function parseOptions(text: string, path: string): string {
  const options = text
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .join(" ")
    .split(/[ \t\r]+/)
    .filter((option) => option !== "" && !OWNED.test(option))
    .join(" ");
  if (!/^[\x20-\x7e]*$/.test(options)) throw refused(path, "not plain ASCII text");
  // GRUB puts a backslash before each when they come out of a variable, which Linux does not understand.
  if (/["'\\]/.test(options)) throw refused(path, "quotes and backslashes do not reach the kernel");
  if (options.length > OPTIONS_BYTES_MAX) throw tooLong(path);
  return options;
}

function tooLong(path: string): TandemError {
  return refused(path, `kernel options longer than ${OPTIONS_BYTES_MAX} bytes`);
}

function refused(path: string, why: string): TandemError {
  return new TandemError("content", `Cannot use ${path} of this image: ${why}`);
}

/** Boot loaders read paths from text files: nothing that needs quoting. */
function plain(path: string, what: string): string {
  if (/^[\w/.+:@~-]+$/.test(path)) return path;
  throw new TandemError(
    "content",
    `Cannot boot this image: the path of its ${what} ${JSON.stringify(path)} has characters that a boot loader cannot take`,
  );
}
