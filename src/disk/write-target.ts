import type { BlockFile } from "../system/block-file.ts";

/** Where a file system is written. Another thread opens `path` at `offsetBytes` to reach the bytes of `block`. */
export interface WriteTarget {
  readonly block: BlockFile;
  /** Undefined: other threads cannot open the target, so everything happens in this thread. */
  readonly path: string | undefined;
  readonly offsetBytes: number;
}
