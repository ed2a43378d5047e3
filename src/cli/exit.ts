import type { ErrorCode } from "../lib/error.ts";

/** Exit statuses are an interface: never renumbered, only appended. */
export const EXIT: Readonly<Record<ErrorCode | "unexpected", number>> = {
  unexpected: 1,
  usage: 2,
  source: 3,
  network: 4,
  unauthorized: 5,
  content: 6,
  "no-space": 7,
  disk: 8,
  boot: 9,
  locked: 10,
  unhealthy: 11,
  /** 128 + SIGINT, as shells count it. */
  interrupted: 130,
};
