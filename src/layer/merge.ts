import { GarbageCounter } from "../lib/garbage.ts";
import type { LayerEntries } from "./layer-entries.ts";
import { refused } from "../tar/fault.ts";
import { Replay } from "./replay.ts";
import type { DirectoryNode } from "./tree.ts";
import { emptyDirectory } from "./walk.ts";

/**
 * The tree that the layers of an image make together, as the image specification has it
 * (https://github.com/opencontainers/image-spec/blob/main/layer.md). Which data belongs to which name is decided only here.
 */
export class Merge {
  readonly root: DirectoryNode = emptyDirectory();
  readonly #garbage = new GarbageCounter();

  /** Puts the next layer on top. `entries` are all of it, in their order; when this throws, the tree is of no use any more. */
  apply(entries: LayerEntries, label: string): void {
    const replay = new Replay(this.root, this.#garbage);
    try {
      replay.run(entries);
    } catch (error) {
      throw refused(error, label, replay.path);
    }
  }
}
