import type { ErrorCode } from "../lib/error.ts";

/** What doctor can do about a finding. Each repair leaves a disk that boots wherever it is cut, and may be run again. */
export interface Repair {
  /** What it does, for people: "write the spec of slot a anew". */
  readonly what: string;
  run(): Promise<void>;
}

/** One line of what doctor has looked at. */
export interface Finding {
  /** "partition table", "slot a". */
  readonly subject: string;
  /** bad: something does not work, or would not when it is needed. warn: it works, and an operator should know. */
  readonly verdict: "ok" | "warn" | "bad";
  readonly text: string;
  /** What the operator can do. */
  readonly advice?: string;
  /** Whose exit status a bad finding has. */
  readonly code: Extract<ErrorCode, "disk" | "boot">;
  readonly repair?: Repair;
}

/** What can be done about it, by whom. */
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
