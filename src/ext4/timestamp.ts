import type { Time } from "../layer/entry.ts";

/** What 32 bits and two epoch bits can say: 1901-12-13 to 2446-05-10. */
const SECONDS_MIN = -(2 ** 31);
const SECONDS_MAX = 15_032_385_535;

/** The nearest time that an inode can hold. */
export function clampTime(time: Time): Time {
  if (time.seconds < SECONDS_MIN) return { seconds: SECONDS_MIN, nanoseconds: 0 };
  if (time.seconds > SECONDS_MAX) return { seconds: SECONDS_MAX, nanoseconds: 0 };
  return time;
}

/**
 * The 32 extra bits of a time: nanoseconds above, and below them how often 2^32 seconds have to be added to the low 32 bits, which
 * are read as signed.
 */
export function extraOf({ seconds, nanoseconds }: Time): number {
  const epoch = Math.floor((seconds + 2 ** 31) / 2 ** 32);
  return nanoseconds * 4 + epoch;
}
