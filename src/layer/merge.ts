import { GarbageCounter } from "../lib/garbage.ts";
import type { LayerEntries } from "./layer-entries.ts";
import { refused } from "../tar/fault.ts";
import { Replay } from "./replay.ts";
import type { DirectoryNode } from "./tree.ts";
import { emptyDirectory } from "./walk.ts";

/**
 * Merges the layers of an image into one tree, as the image specification says
 * (https://github.com/opencontainers/image-spec/blob/main/layer.md). Only here it is decided which data belongs to
 * which name.
 */
export class Merge {
  readonly root: DirectoryNode = emptyDirectory();
  readonly #garbage = new GarbageCounter();

  /** Applies the next layer. `entries` are all its entries in order. After an error the tree must not be used. */
  apply(entries: LayerEntries, label: string): void {
    const replay = new Replay(this.root, this.#garbage);
    try {
      replay.run(entries);
    } catch (error) {
      throw refused(error, label, replay.path);
    }
  }
}
