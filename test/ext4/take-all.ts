/** A thread that allocates chunks until none is left. It answers with its chunks. */
import { Allocator } from "../../src/ext4/allocator.ts";

declare const self: Worker;

self.addEventListener("message", ({ data: { geometry, shared } }) => {
  const allocator = Allocator.attach(geometry, shared);
  const got: number[] = [];
  while (allocator.freeBytes > 0) {
    try {
      got.push(...allocator.take(1).map(({ chunk }) => chunk));
    } catch {
      // Another thread allocated the last chunk after freeBytes was read.
    }
  }
  self.postMessage(got);
});
