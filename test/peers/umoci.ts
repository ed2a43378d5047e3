/** umoci: the peer that unpacks an image into a folder. */
import { command } from "./command.ts";

export interface UmociImage {
  /** A folder with an OCI layout. */
  readonly layout: string;
  readonly tag: string;
}

/** Without root, owners and devices are left out. */
export const ROOTLESS: readonly string[] = process.getuid?.() === 0 ? [] : ["--rootless"];

/** Makes the bundle `folder` with the root file system at `folder/rootfs` and umoci's own list of hashes beside it. */
export async function umociUnpack({ layout, tag }: UmociImage, folder: string): Promise<void> {
  await umoci("unpack", ...ROOTLESS, "--image", `${layout}:${tag}`, folder);
}

/** Makes `folder` the root file system and nothing else. */
export async function umociRawUnpack({ layout, tag }: UmociImage, folder: string): Promise<void> {
  await umoci("raw", "unpack", ...ROOTLESS, "--image", `${layout}:${tag}`, folder);
}

/** What no layer lists gets its mode by the mask, which is ours and not that of whoever runs the tests. */
async function umoci(...words: readonly string[]): Promise<void> {
  await command("sh", "-c", 'umask 022 && exec umoci "$@"', "umoci", ...words);
}
