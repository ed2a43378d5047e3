import type { DirectoryNode } from "../layer/tree.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { pathBelow } from "../source/exclusions.ts";

/**
 * Removes paths from a tree, each with all that lies below it. Symlinks are not followed, as when a folder is copied.
 * Returns the texts whose path is not in the tree. Throws "usage" for a text that names no path below the root.
 */
export function leaveOut(root: DirectoryNode, texts: readonly string[]): readonly string[] {
  return texts.filter((text) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one too.
    const names = pathBelow(text).split("/") as ByteString[];
    return !remove(root, names);
  });
}

/** Returns whether there was something to remove. */
function remove({ children }: DirectoryNode, [name, ...rest]: readonly ByteString[]): boolean {
  if (name === undefined) return false;
  if (rest.length === 0) return children.delete(name);
  const child = children.get(name);
  return child?.kind === "directory" && remove(child, rest);
}
