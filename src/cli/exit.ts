import type { ErrorCode } from "../lib/error.ts";

/** Scripts depend on these numbers: append new ones, never change one. */
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
  /** 128 + SIGINT, the convention of shells. */
  interrupted: 130,
};
