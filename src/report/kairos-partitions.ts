/** What lies on the partitions of Kairos: the images, and the files by which GRUB and tandem decide what boots. */
import { formatUuid } from "../ext4/identity.ts";
import {
  readLabel,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
  UUID_PLACE,
} from "../ext4/superblock.ts";
import { hostFolder } from "../slot/kairos/host-folder.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { PartFolders, type PartFolder } from "../slot/kairos/part-folders.ts";
import { findKairosDisk, KAIROS_LABELS, type KairosPart } from "../slot/kairos/places.ts";
import { machineFailure } from "../system/failure.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { shownBytes } from "./shown-bytes.ts";

const FILE_BYTES_MAX = 256 * KiB;
const SQUASHFS_MAGIC = "hsqs";

interface PartitionFiles {
  /** Folders whose files are listed with their labels and UUIDs. */
  readonly listed: readonly string[];
  /** Files that are shown when they exist. A folder stands for all files in it. */
  readonly shown: readonly string[];
  /** Where Kairos mounts the partition, and a file there: the kernel shows what tandem does not find, as with LUKS or LVM. */
  readonly usual?: { readonly path: string; readonly sign: string };
}

const PARTITIONS: Readonly<Partial<Record<KairosPart, PartitionFiles>>> = {
  state: {
    listed: ["/", "/cOS", "/tandem"],
    shown: [
      ..."boot_assessment grubcustom grub_boot_assessment grub_oem_env grubenv grubmenu".split(" "),
      ..."grub2/grub.cfg grub/grub.cfg tandem".split(" "),
    ],
    usual: { path: "/run/initramfs/cos-state", sign: "boot_assessment" },
  },
  recovery: { listed: ["/", "/cOS"], shown: [] },
  oem: { listed: ["/"], shown: ["grubenv"], usual: { path: "/oem", sign: "grubenv" } },
};

/** One part for each partition, so that one which cannot be had is a line of its own. */
export function kairosPartitionParts(system: System, disk: string | undefined): readonly Part[] {
  return (["state", "recovery", "oem"] as const).map((name) => ({
    name: `kairos-${name}`,
    files: () => filesOn(system, disk, name),
  }));
}

function* filesOn(
  system: System,
  disk: string | undefined,
  part: "state" | "recovery" | "oem",
): Generator<PartFile> {
  const folder = openPart(system, disk, part);
  const { listed, shown } = PARTITIONS[part] ?? { listed: [], shown: [] };
  const name = `kairos/${KAIROS_LABELS[part]}`;
  try {
    yield { path: `${name}.txt`, read: () => listing(system, folder.path, listed) };
    for (const path of shown.flatMap((one) => existing(system, folder.path, one)))
      yield { path: `${name}/${path}`, read: () => contentOf(system, `${folder.path}/${path}`) };
  } finally {
    folder.close();
  }
}

function openPart(system: System, disk: string | undefined, part: KairosPart): PartFolder {
  try {
    return new PartFolders(system, findKairosDisk(system, disk)).open(part, { write: false });
  } catch (error) {
    const usual = PARTITIONS[part]?.usual;
    const path = `${hostFolder(system)}${usual?.path}`;
    if (disk !== undefined || usual === undefined || !system.files.exists(`${path}/${usual.sign}`))
      throw error;
    return { path, close() {} };
  }
}

function listing(system: System, root: string, folders: readonly string[]): string {
  const lines = folders.flatMap((folder) => {
    const prefix = folder === "/" ? "" : folder;
    return (system.durable.list(`${root}${folder}`) ?? []).map(({ name, isFolder, sizeBytes }) => {
      const path = `${prefix}/${name}`;
      return isFolder ? `${path}/\n` : `${path} ${sizeBytes}${kindOf(system, `${root}${path}`)}\n`;
    });
  });
  return `${root}, ${freeOn(system, root)}\n${lines.join("")}`;
}

function freeOn({ durable }: System, root: string): string {
  try {
    return `${durable.freeBytes(root)} bytes free`;
  } catch (error) {
    return `free bytes unknown: ${reasonOf(error)}`;
  }
}

/** The label and UUID of an image file: the kernel finds its root by them. A file that cannot be read is a line, too. */
function kindOf({ files }: System, path: string): string {
  if (!/\.(?:img|squashfs)$/.test(path)) return "";
  try {
    const file = files.open(path);
    try {
      if (file.sizeBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES) return " no file system";
      const head = new Uint8Array(SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES);
      file.readInto(0, head);
      return ` ${fileSystemOf(head)}`;
    } finally {
      file.close();
    }
  } catch (error) {
    return ` ${reasonOf(machineFailure(error) ?? error)}`;
  }
}

function fileSystemOf(head: Uint8Array): string {
  const label = readLabel(head.subarray(SUPERBLOCK_OFFSET_BYTES));
  const at = UUID_PLACE.offsetBytes;
  if (label !== undefined)
    return `label ${label === "" ? "none" : label} UUID ${formatUuid(head.subarray(at, at + UUID_PLACE.sizeBytes))}`;
  const magic = Buffer.from(head.subarray(0, SQUASHFS_MAGIC.length)).toString("latin1");
  return magic === SQUASHFS_MAGIC ? "squashfs" : "no known file system";
}

function existing({ files, durable }: System, root: string, path: string): readonly string[] {
  const inside = durable.list(`${root}/${path}`);
  if (inside === undefined) return files.exists(`${root}/${path}`) ? [path] : [];
  return inside.filter(({ isFolder }) => !isFolder).map(({ name }) => `${path}/${name}`);
}

function contentOf({ files }: System, path: string): string {
  const bytes = files.readBytes(path);
  if (bytes === undefined) throw new TandemError("disk", `Cannot read ${path}: it is gone`);
  return shownBytes(bytes.subarray(0, FILE_BYTES_MAX));
}
