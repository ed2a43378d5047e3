/** What went wrong, seen from the operator: each code has its own exit status (cli/exit.ts). */
export type ErrorCode =
  | "usage"
  | "source"
  | "network"
  | "unauthorized"
  | "content"
  | "no-space"
  | "disk"
  | "boot"
  | "locked"
  | "unhealthy"
  | "interrupted";

export interface TandemErrorOptions extends ErrorOptions {
  /** What the operator can do about it, one sentence. */
  readonly hint?: string;
}

/** A condition for the operator. The message is "Cannot ‹do what› ‹to what›: ‹why›". Bugs are plain Errors. */
export class TandemError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: TandemErrorOptions = {}) {
    super(message, options);
    this.name = "TandemError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** The text of anything that was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
