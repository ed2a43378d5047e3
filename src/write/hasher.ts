/**
 * A thread that hashes for other threads. Its first message has the lanes to serve; the thread serves them until they
 * are stopped.
 */
import { type LaneMemory, serveLanes } from "./hash-lane.ts";

declare const self: Worker;

self.addEventListener("message", ({ data }: MessageEvent<readonly LaneMemory[]>) =>
  serveLanes(data),
);
