/** The kinds of failure that an operator can tell apart. Each code has its own exit status (cli/exit.ts). */
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

/**
 * A failure that the operator can understand. The message is "Cannot ‹do what› ‹to what›: ‹why›". A bug in tandem is a
 * plain Error.
 */
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

/** Returns the message of an Error, or the text of any other value that was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
