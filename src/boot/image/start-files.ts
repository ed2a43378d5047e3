/** Which kernel of an image is started, and with which initrd: by their names, as distributions give them. */
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
  /** undefined: its name has none. */
  readonly version: string | undefined;
  /** Where an initrd of just this kernel may be. */
  readonly initrds: readonly string[];
}

/** An image with this file boots without an initrd: its kernel can read the root file system by itself. */
export const NO_INITRD = "/usr/lib/tandem/no-initrd";

const MODULES = "/usr/lib/modules";
/** The image's own choice, mostly a symlink to a kernel with a version in its name. */
const CHOSEN = "/boot/vmlinuz";
/** Debian, Fedora, openSUSE, Mageia, Alpine and Arch each name the initrd of version V in another way. */
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

/** What package managers, installkernel and editors leave beside a kernel, and checksums and signatures of one. */
const LEFTOVER =
  /(?:~|;[0-9a-f]+|\.(?:old|bak|orig|save|new|tmp|dpkg-[a-z]+|ucf-[a-z]+|rpm[a-z]+|pac[a-z]+|apk-[a-z]+|hmac|sha\w+|sig|asc)(?:\.\d+)?)$/;
/** Kernels that are there for a day on which something is wrong: Fedora's 0-rescue-ID and VERSION+debug, RHEL's VERSION.debug. */
const FOR_TROUBLE = /^0-rescue\b|[+.-](?:debug|rescue|kdump)$/;

/**
 * /boot/vmlinuz if it is there with its initrd; otherwise the newest kernel with an initrd of its own version; otherwise the newest with
 * an initrd that has no version in its name. Debug and rescue kernels come after all others, empty files and leftovers are none.
 * Throws TandemError "content" for an image that has no such pair.
 */
export function findStartFiles(root: DirectoryNode): StartFiles {
  const kernels = findKernels(root);
  const [first] = kernels;
  if (first === undefined) throw withoutKernel();
  if (findFile(root, NO_INITRD) !== undefined) return { kernel: first, initrd: undefined };
  for (const group of [kernels.filter((one) => !isForTrouble(one)), kernels.filter(isForTrouble)]) {
    const pair = pairOf(root, group, ({ initrds }) => initrds) ?? pairOf(root, group, () => PLAIN);
    if (pair !== undefined) return pair;
  }
  throw withoutInitrd(first, kernels.length);
}

/** The best one first. */
function findKernels(root: DirectoryNode): Kernel[] {
  const chosen = notEmpty(root, CHOSEN);
  const others = kernelPaths(root).flatMap((path) => {
    const found = notEmpty(root, path);
    const version = versionOf(path);
    if (found === undefined || LEFTOVER.test(version ?? "")) return [];
    return [{ ...found, version, initrds: initrdsOf(version) }];
  });
  const sorted = others.toSorted(compareKernels);
  if (chosen === undefined) return sorted;
  const version = versionOf(chosen.path);
  return [{ ...chosen, version, initrds: [...initrdsOf(version), ...PLAIN] }, ...sorted];
}

/** Those in /boot first: at equal versions they win, sorting being stable. */
function kernelPaths(root: DirectoryNode): string[] {
  const inBoot = namesIn(root, "/boot").filter((name) => name.startsWith("vmlinuz-"));
  return [
    ...inBoot.map((name) => `/boot/${name}`),
    ...namesIn(root, MODULES).map((version) => `${MODULES}/${version}/vmlinuz`),
  ];
}

function compareKernels(one: Kernel, other: Kernel): number {
  return (
    Number(isForTrouble(one)) - Number(isForTrouble(other)) ||
    compareVersions(other.version ?? "", one.version ?? "")
  );
}

function isForTrouble({ version = "" }: Kernel): boolean {
  return FOR_TROUBLE.test(version);
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
      if (!PLAIN.includes(path) || !isOfAnother(kernel, initrd.path)) return { kernel, initrd };
    }
  return undefined;
}

/** A plain name may lead to the initrd of another version, whose modules this kernel does not load. */
function isOfAnother({ version, initrds }: Kernel, initrd: string): boolean {
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
    `Cannot boot this image: it has no kernel at ${CHOSEN}, ${CHOSEN}-VERSION or ${MODULES}/VERSION/vmlinuz`,
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
