import type { Time } from "../tar/entry.ts";

/** The range of 32 bits and two epoch bits: 1901-12-13 to 2446-05-10. */
const SECONDS_MIN = -(2 ** 31);
const SECONDS_MAX = 15_032_385_535;
/**
 * A time from 2310-04-04 to 2378-04-22 has the form in which old kernels stored a time before 1970. e2fsck takes it for
 * that error and changes it. Such a time is replaced by the last second before this range.
 */
const DOUBTFUL_MIN = 10_737_418_240;
const DOUBTFUL_END = 12_884_901_888;

/** Returns the nearest time that an inode can hold and that all programs read in the same way. */
export function clampTime(time: Time): Time {
  const seconds = clampSeconds(time.seconds);
  return seconds === time.seconds ? time : { seconds, nanoseconds: 0 };
}

function clampSeconds(seconds: number): number {
  if (seconds >= DOUBTFUL_MIN && seconds < DOUBTFUL_END) return DOUBTFUL_MIN - 1;
  return Math.min(Math.max(seconds, SECONDS_MIN), SECONDS_MAX);
}

/**
 * Returns the 32 extra bits of a time: nanoseconds in the upper 30 bits, the epoch in the lower two. A reader adds the
 * epoch times 2^32 to the signed 32-bit seconds.
 */
export function extraOf({ seconds, nanoseconds }: Time): number {
  const epoch = Math.floor((seconds + 2 ** 31) / 2 ** 32);
  return nanoseconds * 4 + epoch;
}
