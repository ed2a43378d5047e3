import { relabel, mountableLabel } from "../../ext4/relabel.ts";
import { readLabel, SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../../ext4/superblock.ts";
import { TandemError } from "../../lib/error.ts";
import { describing } from "../../system/failure.ts";
import type { MountedFiles } from "../../system/mounted-files.ts";
import {
  IMAGE_NAMES,
  type ImageFile,
  type ImageFiles,
  type ImageName,
  planFinish,
  planSwap,
  type SwapStep,
} from "./swap.ts";

/** The folder of the image files in a mounted COS_STATE. */
export interface ImageFolder {
  readonly path: string;
  readonly files: MountedFiles;
}

/** Says which image files there are. Throws "disk". */
export function readImageFiles(folder: ImageFolder): ImageFiles {
  return guard(folder, "read", () => {
    const found = IMAGE_NAMES.map((name) => [name, readImageFile(folder, name)] as const);
    return Object.fromEntries(found.filter(([, file]) => file !== undefined));
  });
}

/**
 * Makes `transition` the active system: see planSwap(). All of it must be on the medium and read back before. When this
 * returns, GRUB and the kernel see the new names. Throws "disk", "no-space" or "content"; finishSwap() continues.
 */
export function swapImages(folder: ImageFolder, options: { readonly keepPassive: boolean }): void {
  finishSwap(folder);
  perform(folder, planSwap(readImageFiles(folder), options));
}

/** Finishes a swap that was interrupted: see planFinish(). Throws "disk" or "no-space". */
export function finishSwap(folder: ImageFolder): void {
  perform(folder, planFinish(readImageFiles(folder)));
}

/** A step may build on what another process has written only after a flush, so the first flush comes before it. */
function perform(folder: ImageFolder, steps: readonly SwapStep[]): void {
  if (steps.length === 0) return;
  guard(folder, "change", () => {
    folder.files.flush(folder.path);
    for (const step of steps) {
      performStep(folder, step);
      folder.files.flush(folder.path);
    }
  });
}

function performStep(folder: ImageFolder, step: SwapStep): void {
  const { files } = folder;
  switch (step.kind) {
    case "link":
    case "rename":
      files[step.kind](pathOf(folder, step.from), pathOf(folder, step.to));
      break;
    case "label":
      writeLabel(folder, step.file, step.label);
      break;
    case "remove":
      files.remove(pathOf(folder, step.file));
      break;
  }
}

function writeLabel(folder: ImageFolder, name: ImageName, label: string): void {
  const path = pathOf(folder, name);
  const superblock = superblockOf(folder, name);
  if (superblock === undefined || readLabel(superblock) === undefined)
    throw new TandemError("content", `Cannot relabel ${path}: it has no ext4 superblock`);
  const { offsetBytes, bytes } = relabel(superblock, label);
  folder.files.write(path, offsetBytes, bytes);
}

function readImageFile(folder: ImageFolder, name: ImageName): ImageFile | undefined {
  const stat = folder.files.stat(pathOf(folder, name));
  if (stat === undefined) return undefined;
  const superblock = superblockOf(folder, name);
  const { identity } = stat;
  if (superblock === undefined || readLabel(superblock) === undefined)
    return { identity, label: undefined, isForeign: true };
  return { identity, label: mountableLabel(superblock) };
}

/** Undefined when the file is too short to have one. */
function superblockOf(folder: ImageFolder, name: ImageName): Uint8Array | undefined {
  const path = pathOf(folder, name);
  const sizeBytes = folder.files.stat(path)?.sizeBytes ?? 0;
  if (sizeBytes < SUPERBLOCK_OFFSET_BYTES + SUPERBLOCK_BYTES) return undefined;
  return folder.files.read(path, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES);
}

function pathOf({ path }: ImageFolder, name: ImageName): string {
  return `${path}/${name}.img`;
}

function guard<T>({ path }: ImageFolder, action: "read" | "change", run: () => T): T {
  return describing(`${action} the image files in ${path}`, run);
}
