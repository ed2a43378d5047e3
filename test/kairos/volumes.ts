/** The volumes of a Kairos disk for the model of the loader. */
import { findFile } from "../../src/boot/image/find.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { TandemError } from "../../src/lib/error.ts";
import type { KairosVolume, StoredImage } from "../fakes/kairos-loader.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { readOnDisk, type KairosDisk, type KairosPart } from "./disk.ts";

/** In the order of the partitions, which is the order of GRUB's search. */
const VOLUMES = ["oem", "recovery", "state", "persistent"] as const;
/** The files of an image that GRUB reads. */
const BOOT_FILES = ["/boot/vmlinuz", "/boot/initrd", "/etc/cos/bootargs.cfg"];

/** Writes stay in memory: only the real GRUB changes the disk. */
export function volumesOf(disk: KairosDisk): KairosVolume[] {
  return VOLUMES.map((name) => volumeOf(disk, name));
}

function volumeOf(disk: KairosDisk, name: KairosPart): KairosVolume {
  const files = new Map<string, Uint8Array | undefined>();
  const read = (path: string): Uint8Array | undefined => {
    if (!files.has(path)) files.set(path, readOnDisk(disk, name, path));
    return files.get(path);
  };
  return {
    label: `COS_${name.toUpperCase()}`,
    read,
    write: (path, bytes) => files.set(path, bytes),
    image: (path) => imageIn(read(path)),
  };
}

function imageIn(bytes: Uint8Array | undefined): StoredImage {
  if (bytes === undefined) return { state: "missing", label: "" };
  if (bytes.byteLength === 0) return { state: "empty", label: "" };
  try {
    const { label, root } = openFileSystem(PagedImage.of(bytes).file());
    const isWhole = BOOT_FILES.every((path) => findFile(root, path) !== undefined);
    return { state: isWhole ? "loads" : "broken", label };
  } catch (error) {
    if (error instanceof TandemError) return { state: "broken", label: "" };
    throw error;
  }
}
