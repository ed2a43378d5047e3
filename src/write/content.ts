import type { Allocator } from "../ext4/allocator.ts";
import type { Ext4Geometry } from "../ext4/geometry.ts";
import type { WrittenRange } from "../ext4/written-range.ts";
import type { WriteTarget } from "../disk/write-target.ts";
import type { Merge } from "../layer/merge.ts";
import type { Talk } from "../lib/talk.ts";
import type { Source } from "../source/source.ts";
import { layeredContent } from "./layered-content.ts";
import { unsupported } from "./layers-of.ts";
import { treeContent } from "./tree-content.ts";

/** What a source gives to be written, known before any of it is written. */
export interface Content {
  /** The name of the source. */
  readonly name: string;
  /** Equal content has an equal digest. */
  readonly digest: string;
  /** For the file system's own time stamps: seconds since 1970, the same for the same content. */
  readonly timeSeconds: number;
  /** The target must have more bytes than this. */
  readonly needBytes: number;
  /** The most bytes that its files are likely to take. Only the files themselves can tell. */
  readonly likelyBytes: number;
  /** What `needBytes` is: "its compressed size". */
  readonly needs: string;
  /** For people: "4 layers, 176 MiB to fetch". */
  readonly amount: string;
  /** How many parts it has that can be unpacked in parallel. */
  readonly parts: number;
  /** Writes the data of all files to the target, and puts the tree together in `merge`. */
  unpack(job: UnpackJob, place: UnpackPlace): Promise<WrittenRange[]>;
}

export interface UnpackJob {
  readonly target: WriteTarget;
  /** How many parts are unpacked in parallel. */
  readonly jobs: number;
  /** The processors of this machine. Those beyond `jobs` are used for hashing. */
  readonly cores: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

/** The file system that is being made. */
export interface UnpackPlace {
  readonly geometry: Ext4Geometry;
  readonly allocator: Allocator;
  readonly merge: Merge;
}

/** Looks up what `source` gives. Throws "source" for the form that tandem cannot write yet. */
export async function contentOf(
  source: Source,
  work: { readonly talk: Talk; readonly signal: AbortSignal },
): Promise<Content> {
  switch (source.kind) {
    case "layers":
      work.talk.progress({ step: `Waiting for the manifest of ${source.name}` });
      return layeredContent(source, await source.image());
    case "tree":
      return treeContent(source, work);
    case "filesystem":
      throw unsupported(source, "a file system");
  }
}
