import type { Time } from "../tar/entry.ts";

/** What 32 bits and two epoch bits can say: 1901-12-13 to 2446-05-10. */
const SECONDS_MIN = -(2 ** 31);
const SECONDS_MAX = 15_032_385_535;
/**
 * From 2310-04-04 on to 2378-04-22 a time looks as old kernels stored one before 1970: e2fsck complains of it, and "repairs" it.
 * What lies between goes to the last second before.
 */
const DOUBTFUL_MIN = 10_737_418_240;
const DOUBTFUL_END = 12_884_901_888;

/** The nearest time that an inode can hold and everyone reads the same way. */
export function clampTime(time: Time): Time {
  const seconds = clampSeconds(time.seconds);
  return seconds === time.seconds ? time : { seconds, nanoseconds: 0 };
}

function clampSeconds(seconds: number): number {
  if (seconds >= DOUBTFUL_MIN && seconds < DOUBTFUL_END) return DOUBTFUL_MIN - 1;
  return Math.min(Math.max(seconds, SECONDS_MIN), SECONDS_MAX);
}

/**
 * The 32 extra bits of a time: nanoseconds above, and below them how often 2^32 seconds have to be added to the low 32 bits, which
 * are read as signed.
 */
export function extraOf({ seconds, nanoseconds }: Time): number {
  const epoch = Math.floor((seconds + 2 ** 31) / 2 ** 32);
  return nanoseconds * 4 + epoch;
}
