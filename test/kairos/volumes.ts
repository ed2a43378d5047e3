/** The volumes of a Kairos disk for the model of its loader, as far as GRUB sees them. */
import { findFile } from "../../src/boot/image/find.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { TandemError } from "../../src/lib/error.ts";
import type { ImageState, KairosVolume } from "../fakes/kairos-loader.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { readOnDisk, type KairosDisk, type KairosPart } from "./disk.ts";

/** In the order of the partitions, which is the order of GRUB's search. */
const VOLUMES = ["oem", "recovery", "state", "persistent"] as const;
/** What GRUB reads of an image. */
const BOOT_FILES = ["/boot/vmlinuz", "/boot/initrd", "/etc/cos/bootargs.cfg"];

/** What is written stays in memory: the disk is left to the real GRUB. */
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
    image: (path) => stateOf(read(path)),
  };
}

function stateOf(bytes: Uint8Array | undefined): ImageState {
  if (bytes === undefined) return "missing";
  if (bytes.byteLength === 0) return "empty";
  try {
    const { root } = openFileSystem(PagedImage.of(bytes).file());
    return BOOT_FILES.every((path) => findFile(root, path) !== undefined) ? "loads" : "broken";
  } catch (error) {
    if (error instanceof TandemError) return "broken";
    throw error;
  }
}
