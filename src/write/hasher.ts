/** A thread that hashes for others. Its first message says for whom; it never comes back from it. */
import { type LaneMemory, serveLanes } from "./hash-lane.ts";

declare const self: Worker;

self.addEventListener("message", ({ data }: MessageEvent<readonly LaneMemory[]>) =>
  serveLanes(data),
);
