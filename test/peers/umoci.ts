/** umoci: the peer that unpacks an image into a folder. */
import { command } from "./command.ts";

export interface UmociImage {
  /** A folder with an OCI layout. */
  readonly layout: string;
  readonly tag: string;
}

/** Without root, owners and devices are left out. */
export const ROOTLESS: readonly string[] = process.getuid?.() === 0 ? [] : ["--rootless"];

/**
 * Unpacks to the bundle `folder`, with the root file system in `folder/rootfs` and umoci's list of hashes beside it.
 */
export async function umociUnpack({ layout, tag }: UmociImage, folder: string): Promise<void> {
  await umoci("unpack", ...ROOTLESS, "--image", `${layout}:${tag}`, folder);
}

/** Unpacks only the root file system, to `folder`. */
export async function umociRawUnpack({ layout, tag }: UmociImage, folder: string): Promise<void> {
  await umoci("raw", "unpack", ...ROOTLESS, "--image", `${layout}:${tag}`, folder);
}

/** Sets the umask, which determines the mode of directories that no layer lists. It must not depend on the user. */
async function umoci(...words: readonly string[]): Promise<void> {
  await command("sh", "-c", 'umask 022 && exec umoci "$@"', "umoci", ...words);
}
