/** What a Kairos image must have, so that the GRUB of an installed machine can start it from an image file. */
import type { WantedDirectory } from "../../layer/add-directories.ts";
import type { DirectoryNode, FileNode, ImageTree } from "../../layer/tree.ts";
import { TandemError } from "../../lib/error.ts";
import { architectureOf, ELF_HEAD_BYTES } from "./elf.ts";
import { findFile, type Found, readTreeText } from "./find.ts";
import type { ImageFinding, ImageWanted } from "./image-finding.ts";
import { INITRD_BYTES_MAX, INITRD_HEAD_BYTES, readInitrd } from "./initrd-image.ts";
import { flawOfKernel, KERNEL_HEAD_BYTES } from "./kernel-image.ts";
import { parseAssignments } from "./os-release.ts";

/** The paths that the installed grub.cfg and the bootargs.cfg of the image name. */
const KERNEL = "/boot/vmlinuz";
const INITRD = "/boot/initrd";
const OPTIONS = "/etc/cos/bootargs.cfg";
const RELEASE = "/etc/kairos-release";
const OS_RELEASE = "/etc/os-release";
const VERSION_KEY = "KAIROS_VERSION";
const TITLE_KEY = "GRUB_ENTRY_NAME";
const READ_BY_GRUB = [KERNEL, INITRD, OPTIONS, RELEASE, OS_RELEASE] as const;

/** A real one has less than 2 KiB. */
const RELEASE_BYTES_MAX = 64 * 1024;
/** GRUB unpacks a kernel that gzip has packed, as Ubuntu's for arm64 is. The packed header says nothing. */
const GZIP_MAGIC = "1f8b";
/** One of them is in each system. They tell for which architecture the programs are. */
const PROGRAMS = ["/sbin/init", "/usr/lib/systemd/systemd", "/bin/sh"] as const;

/**
 * The mount points that the initrd needs: it mounts the root read-only, so it cannot make them. Without /oem the machine
 * comes up without its configuration and its persistent data, and looks alive. The order, and modes, are those of Kairos.
 */
export const KAIROS_DIRECTORIES: readonly WantedDirectory[] = [
  ...["/run", "/dev", "/boot", "/usr/local", "/oem"].map((path) => ({ path, mode: 0o755 })),
  ...["/proc", "/sys"].map((path) => ({ path, mode: 0o555 })),
  { path: "/tmp", mode: 0o1777 },
];

/**
 * What a running system or a container has at these paths is no part of the system. Kairos leaves them out of a folder
 * that it copies, and makes some of them anew as mount points.
 */
export const KAIROS_SKIP = ["/mnt", "/proc", "/sys", "/dev", "/tmp", "/host", "/run"] as const;

/**
 * Looks at the merged tree before a file system is made from it. **Writes nothing.** Throws "content" with all flaws of
 * an image that the GRUB of a Kairos machine could not start, unless they are forced.
 */
export function inspectKairosImage(tree: ImageTree, wanted: ImageWanted): ImageFinding {
  const kernel = findFile(tree.root, KERNEL);
  const initrd = findFile(tree.root, INITRD);
  const release = readRelease(tree);
  const flaws = [
    flawOfFile(KERNEL, kernel) ?? flawOfStart(tree, kernel, wanted.architecture),
    flawOfFile(INITRD, initrd) ?? flawOfInitrd(tree, initrd),
    flawOfFile(OPTIONS, findFile(tree.root, OPTIONS)),
    release.version === undefined ? `it has no ${RELEASE} with ${VERSION_KEY}` : undefined,
    flawOfPrograms(tree, wanted.architecture),
  ].filter((flaw) => flaw !== undefined);
  if (flaws.length > 0 && !wanted.force) throw refused(flaws);
  const files = [kernel, initrd].filter((found) => found !== undefined);
  return {
    bootable: { kernel: kernel?.path ?? KERNEL, initrd: initrd?.path ?? INITRD, options: "" },
    files: new Map(files.map(({ path, node }) => [path, node])),
    ...release,
    forced: flaws,
  };
}

/** The files that GRUB reads from the image, through symlinks: they must have no holes. */
export function kairosBootFiles(root: DirectoryNode): ReadonlySet<FileNode> {
  return new Set(READ_BY_GRUB.flatMap((path) => findFile(root, path)?.node ?? []));
}

function flawOfFile(path: string, found: Found<FileNode> | undefined): string | undefined {
  if (found === undefined) return `it has no ${path}`;
  return found.node.sizeBytes === 0 ? `its ${path} is empty` : undefined;
}

function flawOfStart(
  { read }: ImageTree,
  kernel: Found<FileNode> | undefined,
  architecture: string,
): string | undefined {
  if (kernel === undefined) return undefined;
  const head = read(kernel.node, KERNEL_HEAD_BYTES);
  if (Buffer.from(head.subarray(0, 2)).toString("hex") === GZIP_MAGIC) return undefined;
  const flaw = flawOfKernel({ head, sizeBytes: kernel.node.sizeBytes }, architecture);
  return flaw === undefined ? undefined : `its kernel ${kernel.path} ${flaw}`;
}

function flawOfInitrd(
  { read }: ImageTree,
  initrd: Found<FileNode> | undefined,
): string | undefined {
  if (initrd === undefined) return undefined;
  const { path, node } = initrd;
  const head = readInitrd(read(node, INITRD_HEAD_BYTES), node.sizeBytes);
  const isUnread = "hasInit" in head && head.hasInit === "unread";
  const facts = isUnread ? readInitrd(read(node, INITRD_BYTES_MAX), node.sizeBytes) : head;
  if ("invalid" in facts) return `its initrd ${path} ${facts.invalid}`;
  return facts.hasInit === false ? `its initrd ${path} has no /init` : undefined;
}

function flawOfPrograms({ root, read }: ImageTree, wanted: string): string | undefined {
  for (const path of PROGRAMS) {
    const found = findFile(root, path);
    if (found === undefined) continue;
    const architecture = architectureOf(read(found.node, ELF_HEAD_BYTES));
    if (architecture !== undefined && architecture !== wanted)
      return `its program ${found.path} is for ${architecture}, the machine is ${wanted}`;
  }
  return undefined;
}

function readRelease(tree: ImageTree): Pick<ImageFinding, "version" | "menuTitle"> {
  const values = parseAssignments(readTreeText(tree, RELEASE, RELEASE_BYTES_MAX) ?? "");
  const menuTitle = values.get(TITLE_KEY) ?? "";
  const version = values.get(VERSION_KEY) ?? "";
  return {
    version: version === "" ? undefined : version,
    ...(menuTitle === "" ? {} : { menuTitle }),
  };
}

function refused(flaws: readonly string[]): TandemError {
  return new TandemError(
    "content",
    `Cannot boot this image on a Kairos machine: ${flaws.join("; ")}`,
    { hint: "Use an image that was made with Kairos; --force writes it all the same." },
  );
}
