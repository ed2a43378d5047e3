/** A thread that has bytes hashed by another one: the lane, then how long the pieces of each stream are. It answers with the digests. */
import { hashInLane, type LaneMemory } from "../../src/write/hash-lane.ts";
import { patternOf } from "./pattern.ts";

declare const self: Worker;

export interface Streams {
  readonly lane: LaneMemory;
  readonly streams: readonly (readonly number[])[];
  /** Whether the bytes are put into the rooms, or come from elsewhere. */
  readonly inRooms: boolean;
}

self.addEventListener("message", ({ data }: MessageEvent<Streams>) => {
  const hash = hashInLane(data.lane);
  const digests = data.streams.map((pieces) => {
    for (const length of pieces) {
      const bytes = patternOf(length);
      if (data.inRooms) {
        const room = hash.room();
        room.set(bytes);
        hash.update(room.subarray(0, length));
      } else hash.update(bytes);
    }
    return hash.digest();
  });
  self.postMessage(digests);
});
