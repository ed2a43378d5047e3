import type { LayerSource } from "../../test/peers/image.ts";
import type { TarMember } from "../../test/peers/tar.ts";

/** The size of the file system that is written. */
export const BLOCK_BYTES = 4096;

/** A layer and its content. */
export interface LayerContent {
  readonly tar: LayerSource["tar"];
  /** The number of regular files, without whiteouts. */
  readonly files: number;
  /** The data of the files in whole blocks. */
  readonly dataBytes: number;
}

export function contentOf(members: readonly TarMember[]): LayerContent {
  const sizes = members
    .filter(({ path }) => !/(^|\/)\.wh\.[^/]*$/.test(path))
    .flatMap((member) => ("data" in member ? [member.data.length] : []));
  const blocks = sizes.reduce((sum, size) => sum + Math.ceil(size / BLOCK_BYTES), 0);
  return { tar: members, files: sizes.length, dataBytes: blocks * BLOCK_BYTES };
}
