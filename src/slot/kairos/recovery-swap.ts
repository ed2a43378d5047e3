import { mountableLabel } from "../../ext4/relabel.ts";
import { SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from "../../ext4/superblock.ts";
import { TandemError } from "../../lib/error.ts";
import { describing } from "../../system/failure.ts";
import type { ImageFolder } from "./image-files.ts";

export const RECOVERY_LABEL = "COS_SYSTEM";

/** Recovery systems that have lost their names. Their blocks must stay until GRUB sees that. */
const REPLACED = { image: "replaced.img", squashfs: "replaced.squashfs" } as const;

/**
 * Makes transition.img the recovery system. GRUB, which replays no journal, sees a whole recovery system at each
 * moment: the squashfs while there is one, because GRUB prefers it, then the old or the new image. Throws "disk",
 * "no-space", or "content" when transition.img is no system for this place.
 */
export function swapRecovery({ path, files }: ImageFolder): void {
  const at = (name: string): string => `${path}/${name}`;
  refuseOtherLabel({ path, files });
  describing(`change the image files in ${path}`, () => {
    files.flush(path);
    removeReplaced({ path, files });
    if (files.stat(at("recovery.img")) !== undefined) {
      files.link(at("recovery.img"), at(REPLACED.image));
      files.flush(path);
    }
    files.rename(at("transition.img"), at("recovery.img"));
    files.flush(path);
    if (files.stat(at("recovery.squashfs")) !== undefined) {
      files.rename(at("recovery.squashfs"), at(REPLACED.squashfs));
      files.flush(path);
    }
    removeReplaced({ path, files });
  });
}

/** Removes what has lost its name, also in a run that was killed: GRUB must see what that run did, so flush before. */
export function removeReplaced({ path, files }: ImageFolder): void {
  const names = Object.values(REPLACED).map((name) => `${path}/${name}`);
  const found = names.filter((name) => files.stat(name) !== undefined);
  if (found.length === 0) return;
  files.flush(path);
  for (const name of found) files.remove(name);
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
