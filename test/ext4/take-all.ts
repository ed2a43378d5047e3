/** One of several threads that take what an allocator has until it has nothing. Answers with the chunks it got. */
import { Allocator } from "../../src/ext4/allocator.ts";

declare const self: Worker;

self.addEventListener("message", ({ data: { geometry, shared } }) => {
  const allocator = Allocator.attach(geometry, shared);
  const got: number[] = [];
  while (allocator.freeBytes > 0) {
    try {
      got.push(...allocator.take(1).map(({ chunk }) => chunk));
    } catch {
      // Another thread took the last one after freeBytes was read.
    }
  }
  self.postMessage(got);
});
