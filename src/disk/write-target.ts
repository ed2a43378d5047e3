import type { BlockFile } from "../system/block-file.ts";

/**
 * Where a file system is written. `path` and `offsetBytes` say where threads of their own find the same bytes as
 * `block`.
 */
export interface WriteTarget {
  readonly block: BlockFile;
  /** Undefined: other threads cannot open the target, so everything happens in this thread. */
  readonly path: string | undefined;
  readonly offsetBytes: number;
}
