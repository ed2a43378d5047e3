import { collectGarbage } from "../lib/garbage.ts";
import type { Entry } from "./entry.ts";
import { refused } from "./fault.ts";
import { Replay } from "./replay.ts";
import type { DirectoryNode } from "./tree.ts";
import { emptyDirectory } from "./walk.ts";

/** What so many entries leave behind is worth to be cleared away. */
const GARBAGE_ENTRIES = 20_000;

/**
 * The tree that the layers of an image make together, as the image specification has it
 * (https://github.com/opencontainers/image-spec/blob/main/layer.md). Which data belongs to which name is decided only here.
 */
export class Merge {
  readonly root: DirectoryNode = emptyDirectory();
  #entries = 0;

  /** Puts the next layer on top. `entries` are all of it, in their order; when this throws, the tree is of no use any more. */
  apply(entries: Iterable<Entry>, label: string): void {
    const replay = new Replay(this.root);
    try {
      this.#entries += replay.run(entries);
    } catch (error) {
      throw refused(error, label, replay.path);
    }
    if (this.#entries < GARBAGE_ENTRIES) return;
    this.#entries = 0;
    collectGarbage();
  }
}
