import { type ByteString, byteStringOf } from "../lib/byte-string.ts";
import type { Entry } from "../tar/entry.ts";
import { Fault } from "../tar/fault.ts";
import { slice, splitPath } from "../tar/path.ts";

/** https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts */
const PREFIX = ".wh.";
/** What aufs kept for itself: pseudo-links, orphans, its own marker. None of it belongs to the image. */
const META_PREFIX = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** A member that says something about the layers below instead of being there. */
export type Marker =
  | { readonly kind: "whiteout"; readonly parent: ByteString; readonly name: ByteString }
  | { readonly kind: "opaque"; readonly parent: ByteString }
  | { readonly kind: "nothing" };

const NOTHING: Marker = { kind: "nothing" };

/**
 * The marker that a clean path stands for, of whatever kind the entry is. The prefix in front of a directory on the way is part of an
 * ordinary name, but what lies in a directory of aufs is nothing.
 */
export function markerOf(path: ByteString): Marker | undefined {
  if (!path.includes(PREFIX)) return undefined;
  const { parent, name } = splitPath(path);
  if (`/${parent}`.includes(`/${META_PREFIX}`)) return NOTHING;
  if (!name.startsWith(PREFIX)) return undefined;
  if (name === OPAQUE) return { kind: "opaque", parent };
  if (name.startsWith(META_PREFIX)) return NOTHING;
  const hidden = slice(name, PREFIX.length);
  if (REFUSED.has(hidden)) throw new Fault(`is a whiteout of "${hidden}", which is no name`);
  return { kind: "whiteout", parent, name: hidden };
}

/** Whether an entry may have to do with what is in the layers below: markers have, and hard links, and next to no others. */
export function looksBelow({ kind, path }: Entry): boolean {
  return kind === "hardlink" || path.includes(PREFIX);
}

const REFUSED: ReadonlySet<ByteString> = new Set(["", ".", ".."].map(byteStringOf));
