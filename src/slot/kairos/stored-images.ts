/** The image files on a disk of Kairos, by the slots that they hold. */
import { formatUuid } from "../../ext4/identity.ts";
import {
  readLabel,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET_BYTES,
  UUID_PLACE,
} from "../../ext4/superblock.ts";
import { describing } from "../../system/failure.ts";
import type { MountedFiles } from "../../system/mounted-files.ts";
import { readImageFiles } from "./image-files.ts";
import { afterSteps, IMAGE_NAMES, type ImageFiles, planFinish } from "./swap.ts";

/** The folder of the image files on COS_STATE and on COS_RECOVERY. */
export const IMAGE_FOLDER = "/cOS";

export interface StoredImage {
  /** The path on its partition: "/cOS/active.img". */
  readonly file: string;
  readonly sizeBytes: number;
  /** As in MountedFiles.stat(). */
  readonly identity: string;
  /** The UUID of an ext file system, which goes with the file when the file gets another name. */
  readonly uuid: string | undefined;
}

export type StateImages = Readonly<
  Partial<Record<"active" | "passive" | "transition", StoredImage>>
>;

/**
 * The images on a mounted COS_STATE. While a swap is unfinished they are named as they will be when it is finished.
 * Throws "disk".
 */
export function stateImages(files: MountedFiles, root: string): StateImages {
  const found = readImageFiles({ path: `${root}${IMAGE_FOLDER}`, files });
  const finished = afterSteps(found, planFinish(found));
  const entries = (["active", "passive", "transition"] as const).map((slot) => {
    const file = fileOf(found, finished[slot]?.identity, slot);
    return [slot, file && storedImage(files, root, file)] as const;
  });
  return Object.fromEntries(entries.filter(([, image]) => image !== undefined));
}

/** The name that the file has now. */
function fileOf(
  found: ImageFiles,
  identity: string | undefined,
  slot: keyof StateImages,
): string | undefined {
  if (identity === undefined) return undefined;
  const name = [slot, ...IMAGE_NAMES].find((one) => found[one]?.identity === identity);
  return name && `${IMAGE_FOLDER}/${name}.img`;
}

/** GRUB prefers the squashfs when it is not empty. */
export const RECOVERY_FILES = [
  `${IMAGE_FOLDER}/recovery.squashfs`,
  `${IMAGE_FOLDER}/recovery.img`,
] as const;

/** The image on a mounted COS_RECOVERY that GRUB starts. Undefined when there is none. Throws "disk". */
export function recoveryImage(files: MountedFiles, root: string): StoredImage | undefined {
  return RECOVERY_FILES.map((file) => storedImage(files, root, file)).find(
    (image) => image !== undefined && image.sizeBytes > 0,
  );
}

function storedImage(files: MountedFiles, root: string, file: string): StoredImage | undefined {
  const path = `${root}${file}`;
  return describing(`read ${path}`, () => {
    const stat = files.stat(path);
    return stat && { ...stat, file, uuid: uuidIn(files, path, stat.sizeBytes) };
  });
}

function uuidIn(files: MountedFiles, path: string, sizeBytes: number): string | undefined {
  if (sizeBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES) return undefined;
  const superblock = files.read(path, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
  if (readLabel(superblock) === undefined) return undefined;
  const at = UUID_PLACE.offsetBytes - SUPERBLOCK_OFFSET_BYTES;
  return formatUuid(superblock.subarray(at, at + UUID_PLACE.sizeBytes));
}
