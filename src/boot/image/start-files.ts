/** Chooses the kernel of an image and its initrd, by the names that distributions give them. */
import type { DirectoryNode, FileNode } from "../../layer/tree.ts";
import { TandemError } from "../../lib/error.ts";
import { findFile, type Found, namesIn } from "./find.ts";
import { compareVersions } from "./version.ts";

export interface StartFiles {
  readonly kernel: Found<FileNode>;
  /** undefined: the image says that it needs none. */
  readonly initrd: Found<FileNode> | undefined;
}

interface Kernel extends Found<FileNode> {
  /** undefined: its name contains no version. */
  readonly version: string | undefined;
  /** Paths where an initrd of this kernel alone may be. */
  readonly initrds: readonly string[];
}

/** An image with this file boots without an initrd: its kernel can read the root file system by itself. */
export const NO_INITRD = "/usr/lib/tandem/no-initrd";

const MODULES = "/usr/lib/modules";
/** The kernel that the image itself chooses, usually a symlink to a kernel with a version in its name. */
const PREFERRED = "/boot/vmlinuz";
/** The initrd of version V in Debian, Fedora, openSUSE, Mageia, Alpine and Arch. */
const INITRDS = [
  "/boot/initrd.img-V",
  "/boot/initramfs-V.img",
  "/boot/initrd-V",
  "/boot/initrd-V.img",
  "/boot/initramfs-V",
  `${MODULES}/V/initrd`,
  `${MODULES}/V/initrd.img`,
  `${MODULES}/V/initramfs.img`,
] as const;
const PLAIN: readonly string[] = [
  "/boot/initrd",
  "/boot/initrd.img",
  "/boot/initramfs",
  "/boot/initramfs.img",
];

/** What package managers, installkernel and editors leave beside a kernel, and its checksums and signatures. */
const LEFTOVER =
  /(?:~|;[0-9a-f]+|\.(?:old|bak|orig|save|new|tmp|dpkg-[a-z]+|ucf-[a-z]+|rpm[a-z]+|pac[a-z]+|apk-[a-z]+|hmac|sha\w+|sig|asc)(?:\.\d+)?)$/;
/** Kernels for rescue and debugging: Fedora's 0-rescue-ID and VERSION+debug, RHEL's VERSION.debug. */
const RESCUE = /^0-rescue\b|[+.-](?:debug|rescue|kdump)$/;

/**
 * Takes the first of these that exists: /boot/vmlinuz with its initrd; the newest kernel with an initrd of its own version; the newest
 * kernel with an initrd without a version in its name. Debug and rescue kernels come after all others. Empty files and leftovers are
 * ignored. Throws `content` for an image that has no such pair.
 */
export function findStartFiles(root: DirectoryNode): StartFiles {
  const kernels = findKernels(root);
  const [first] = kernels;
  if (first === undefined) throw withoutKernel();
  if (findFile(root, NO_INITRD) !== undefined) return { kernel: first, initrd: undefined };
  for (const group of [kernels.filter((one) => !isRescue(one)), kernels.filter(isRescue)]) {
    const pair = pairOf(root, group, ({ initrds }) => initrds) ?? pairOf(root, group, () => PLAIN);
    if (pair !== undefined) return pair;
  }
  throw withoutInitrd(first, kernels.length);
}

/** The best one first. */
function findKernels(root: DirectoryNode): Kernel[] {
  const preferred = notEmpty(root, PREFERRED);
  const others = kernelPaths(root).flatMap((path) => {
    const found = notEmpty(root, path);
    const version = versionOf(path);
    if (found === undefined || LEFTOVER.test(version ?? "")) return [];
    return [{ ...found, version, initrds: initrdsOf(version) }];
  });
  const sorted = others.toSorted(compareKernels);
  if (preferred === undefined) return sorted;
  const version = versionOf(preferred.path);
  return [{ ...preferred, version, initrds: [...initrdsOf(version), ...PLAIN] }, ...sorted];
}

/** Kernels in /boot come first: sorting is stable, so they win at equal versions. */
function kernelPaths(root: DirectoryNode): string[] {
  const inBoot = namesIn(root, "/boot").filter((name) => name.startsWith("vmlinuz-"));
  return [
    ...inBoot.map((name) => `/boot/${name}`),
    ...namesIn(root, MODULES).map((version) => `${MODULES}/${version}/vmlinuz`),
  ];
}

function compareKernels(one: Kernel, other: Kernel): number {
  return (
    Number(isRescue(one)) - Number(isRescue(other)) ||
    compareVersions(other.version ?? "", one.version ?? "")
  );
}

function isRescue({ version = "" }: Kernel): boolean {
  return RESCUE.test(version);
}

function versionOf(kernel: string): string | undefined {
  const match = /\/vmlinuz-([^/]+)$/.exec(kernel) ?? /\/modules\/([^/]+)\/vmlinuz$/.exec(kernel);
  return match?.[1];
}

function initrdsOf(version: string | undefined): string[] {
  return version === undefined ? [] : INITRDS.map((path) => path.replace("V", () => version));
}

function pairOf(
  root: DirectoryNode,
  kernels: readonly Kernel[],
  initrdsOfKernel: (kernel: Kernel) => readonly string[],
): StartFiles | undefined {
  for (const kernel of kernels)
    for (const path of initrdsOfKernel(kernel)) {
      const initrd = notEmpty(root, path);
      if (initrd === undefined) continue;
      if (!PLAIN.includes(path) || !belongsToOther(kernel, initrd.path)) return { kernel, initrd };
    }
  return undefined;
}

/** A name without a version may be a symlink to the initrd of another version, whose modules this kernel cannot load. */
function belongsToOther({ version, initrds }: Kernel, initrd: string): boolean {
  if (version === undefined || initrds.includes(initrd)) return false;
  return INITRDS.some((path) => {
    const [before = "", after = ""] = path.split("V");
    return initrd.startsWith(before) && initrd.endsWith(after);
  });
}

function notEmpty(root: DirectoryNode, path: string): Found<FileNode> | undefined {
  const found = findFile(root, path);
  return found === undefined || found.node.sizeBytes === 0 ? undefined : found;
}

function withoutKernel(): TandemError {
  return new TandemError(
    "content",
    `Cannot boot this image: it has no kernel at ${PREFERRED}, ${PREFERRED}-VERSION or ${MODULES}/VERSION/vmlinuz`,
    { hint: "Add a kernel to the image, or use one that was made to boot a machine" },
  );
}

function withoutInitrd({ path, initrds }: Kernel, kernels: number): TandemError {
  const places = [...new Set([...initrds, ...PLAIN])].join(", ");
  const others =
    kernels > 1 ? `, nor has any other of its ${kernels} kernels one of its version` : "";
  return new TandemError(
    "content",
    `Cannot boot this image: its kernel ${path} has no initrd at ${places}${others}`,
    { hint: `Add an initrd to the image, or the file ${NO_INITRD} if it needs none` },
  );
}
