/** Whether GRUB can start the image of a slot. It opens kernel and initrd in the image file by fixed names. */
import { openFileSystem } from "../../ext4/mount.ts";
import { TandemError } from "../../lib/error.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { describing } from "../../system/failure.ts";
import { findFile } from "../image/find.ts";
import type { KairosPlaces } from "./places.ts";

const BOOT_FILES = ["/boot/vmlinuz", "/boot/initrd", "/etc/cos/bootargs.cfg"] as const;

/** For people; undefined: GRUB can start it, or that cannot be known here. Throws "disk". */
export function startProblem(places: KairosPlaces, slot: SlotName): string | undefined {
  const { state, recovery, files } = places;
  const folder = slot === "recovery" ? recovery : state;
  if (folder === undefined) return undefined;
  if (slot === "recovery" && sizeOf(places, `${folder}/cOS/recovery.squashfs`) > 0)
    return undefined;
  const path = `${folder}/cOS/${slot}.img`;
  return describing(`read ${path}`, () => {
    const stat = files.stat(path);
    if (stat === undefined) return `${path} is not there`;
    if (stat.sizeBytes === 0) return `${path} is empty`;
    const missing = missingIn(imageAt(places, path, stat.sizeBytes));
    return missing === undefined ? undefined : `${path} has no ${missing}`;
  });
}

function sizeOf({ files }: KairosPlaces, path: string): number {
  return describing(`read ${path}`, () => files.stat(path)?.sizeBytes ?? 0);
}

/** An image of another maker may have a form that only the kernel and GRUB read. */
function missingIn(image: BlockFile): string | undefined {
  try {
    const { root } = openFileSystem(image);
    return BOOT_FILES.find((path) => findFile(root, path) === undefined);
  } catch (error) {
    if (error instanceof TandemError && error.code === "content") return undefined;
    throw error;
  }
}

function imageAt({ files }: KairosPlaces, path: string, sizeBytes: number): BlockFile {
  const refuse = (): never => {
    throw new Error(`Assertion failed: ${path} is only read`);
  };
  const readInto = (offsetBytes: number, target: Uint8Array): void => {
    target.set(files.read(path, offsetBytes, target.byteLength));
  };
  return {
    name: path,
    sizeBytes,
    readInto,
    read(offsetBytes, target) {
      readInto(offsetBytes, target);
      return Promise.resolve("cached");
    },
    write: refuse,
    flush: refuse,
    dropCache() {},
    close() {},
  };
}
