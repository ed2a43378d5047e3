/**
 * A thread that lets another thread hash its bytes. Its message has the lane and the sizes of the pieces of each
 * stream; it answers with the digests.
 */
import { hashInLane, type LaneMemory } from "../../src/write/hash-lane.ts";
import { patternOf } from "./pattern.ts";

declare const self: Worker;

export interface Streams {
  readonly lane: LaneMemory;
  readonly streams: readonly (readonly number[])[];
  /** Whether the bytes are put into the lane's buffers, or come from other memory. */
  readonly inBuffers: boolean;
}

self.addEventListener("message", ({ data }: MessageEvent<Streams>) => {
  const hash = hashInLane(data.lane);
  const digests = data.streams.map((pieces) => {
    for (const length of pieces) {
      const bytes = patternOf(length);
      if (data.inBuffers) {
        const buffer = hash.buffer();
        buffer.set(bytes);
        hash.update(buffer.subarray(0, length));
      } else hash.update(bytes);
    }
    return hash.digest();
  });
  self.postMessage(digests);
});
