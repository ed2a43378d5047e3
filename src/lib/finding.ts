import type { ErrorCode } from "./error.ts";

/** What can be done about a finding. A repair may be cut at any point, and run again. */
export interface Repair {
  /** What it does, for people: "write the backup copy again". */
  readonly what: string;
  run(): Promise<void>;
}

/** One line of an examination. */
export interface Finding {
  /** What was examined: "partition table". */
  readonly subject: string;
  /** bad: it does not work, or would fail when it is needed. warn: it works, and the operator should know. */
  readonly verdict: "ok" | "warn" | "bad";
  readonly text: string;
  /** What the operator can do. */
  readonly advice?: string;
  /** A bad finding ends the program with the exit status of this error. */
  readonly code: Extract<ErrorCode, "disk" | "boot">;
  readonly repair?: Repair;
}

/** What the operator can do about a finding, and what the program can do. */
export type Remedy = Pick<Finding, "advice" | "repair">;

/** Makes findings about one subject. */
export interface About {
  readonly ok: (text: string) => Finding;
  readonly warn: (text: string, remedy?: Remedy) => Finding;
  readonly bad: (text: string, remedy?: Remedy) => Finding;
}

export function about(subject: string, code: Finding["code"]): About {
  return {
    ok: (text) => ({ subject, verdict: "ok", text, code }),
    warn: (text, remedy = {}) => ({ subject, verdict: "warn", text, code, ...remedy }),
    bad: (text, remedy = {}) => ({ subject, verdict: "bad", text, code, ...remedy }),
  };
}
