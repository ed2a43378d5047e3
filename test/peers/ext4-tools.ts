import { createBlockFile } from "../../src/system/linux-block-file.ts";
import type { DirectoryNode } from "../../src/layer/tree.ts";
import { Ext4Image, type Format } from "../fakes/ext4-image.ts";
import { command } from "./command.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Writes a file system into a new file. */
export function writeExt4(
  path: string,
  size: number | (Format & { readonly sizeBytes: number }),
  build: (image: Ext4Image) => DirectoryNode,
): DirectoryNode {
  const { sizeBytes, ...format } = typeof size === "number" ? { sizeBytes: size } : size;
  const file = createBlockFile(path, sizeBytes);
  try {
    const image = new Ext4Image(file, format);
    const root = build(image);
    image.finish(root);
    return root;
  } finally {
    file.close();
  }
}

/** Returns the complaints of e2fsck. Empty when there are none. */
export async function complaints(path: string): Promise<string[]> {
  const output = await command("e2fsck", "-fn", path).catch(String);
  return output
    .split("\n")
    .filter((line) => line !== "" && !/^Pass \d:|^\S+: \d+\/\d+ files/.test(line));
}

export interface WritableMount extends AsyncDisposable {
  readonly path: string;
}

/** Lets the kernel mount an image read-write. Needs root. */
export async function mountWritable(image: string): Promise<WritableMount> {
  const folder = await temporaryFolder();
  await command("mount", "-o", "loop", image, folder.path);
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      await command("umount", folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Returns the lines "Key: value" of dumpe2fs -h. */
export async function superblockOf(image: string): Promise<ReadonlyMap<string, string>> {
  const output = await command("dumpe2fs", "-h", image);
  const pairs = output.split("\n").map((line) => line.split(/: +/, 2));
  return new Map(pairs.map(([key = "", value = ""]) => [key, value]));
}
