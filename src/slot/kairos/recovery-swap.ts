import { mountableLabel } from "../../ext4/relabel.ts";
import { SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../../ext4/superblock.ts";
import { TandemError } from "../../lib/error.ts";
import { describing } from "../../system/failure.ts";
import type { ImageFolder } from "./image-files.ts";

export const RECOVERY_LABEL = "COS_SYSTEM";

/** A recovery system that a rename has replaced. Its blocks must stay until GRUB sees the rename. */
const REPLACED = "replaced.img";

/**
 * Makes transition.img the recovery system. GRUB, which replays no journal, sees a whole recovery system at each
 * moment: the squashfs while there is one, because GRUB prefers it, then the old or the new image. Throws "disk",
 * "no-space", or "content" when transition.img is no system for this place.
 */
export function swapRecovery({ path, files }: ImageFolder): void {
  const at = (name: string): string => `${path}/${name}`;
  refuseOtherLabel({ path, files });
  describing(`change the image files in ${path}`, () => {
    removeReplaced({ path, files });
    files.flush(path);
    if (files.stat(at("recovery.img")) !== undefined) {
      files.link(at("recovery.img"), at(REPLACED));
      files.flush(path);
    }
    files.rename(at("transition.img"), at("recovery.img"));
    files.flush(path);
    removeReplaced({ path, files });
    if (files.stat(at("recovery.squashfs")) === undefined) return;
    files.remove(at("recovery.squashfs"));
    files.flush(path);
  });
}

/** Removes what an interrupted swap has left. */
export function removeReplaced({ path, files }: ImageFolder): void {
  const replaced = `${path}/${REPLACED}`;
  if (files.stat(replaced) === undefined) return;
  files.remove(replaced);
  files.flush(path);
}

function refuseOtherLabel({ path, files }: ImageFolder): void {
  const transition = `${path}/transition.img`;
  const superblock = describing(`read ${transition}`, () =>
    files.read(transition, SUPERBLOCK_OFFSET_BYTES, SUPERBLOCK_BYTES),
  );
  const label = mountableLabel(superblock);
  if (label !== RECOVERY_LABEL)
    throw new TandemError(
      "content",
      `Cannot make transition.img the recovery system: ${label === undefined ? "it has no sound ext4 superblock" : `its label is ${label}, want ${RECOVERY_LABEL}`}`,
    );
}
