import { type ErrorCode, reasonOf, TandemError } from "../lib/error.ts";

/** The medium is full, the user's share of it is, or its file system has no files that large. */
const NO_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * Why the machine does not give a file, without saying which: the caller says what it wants of what. `code` as errors of node:fs
 * have it.
 */
export class FileFault extends Error {
  readonly path: string;
  readonly code: string;

  constructor(path: string, why: string, code = "EINVAL") {
    super(why);
    this.name = "FileFault";
    this.path = path;
    this.code = code;
  }
}

/** The name of the errno that a system call ended with: "ENOENT". undefined: it is another kind of error. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string")
    return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** Whether a write failed since there was no room for it. */
export function isFull(error: unknown): boolean {
  return NO_SPACE.has(errnoOf(error) ?? "");
}

/** For an error that says that this user may not do it. */
export function permissionHint(error: unknown): { readonly hint?: string } {
  const errno = errnoOf(error);
  if (errno !== "EACCES" && errno !== "EPERM") return {};
  return { hint: "Run tandem as root, or as a user who has the permission." };
}

/** An error of the machine that nobody has said more about. undefined: the error is not the machine's. */
export function machineFailure(error: unknown): TandemError | undefined {
  if (errnoOf(error) === undefined) return undefined;
  const path = error instanceof Error && "path" in error ? error.path : undefined;
  const what = typeof path === "string" ? `use ${path}` : "go on";
  const code: ErrorCode = isFull(error) ? "no-space" : "disk";
  return new TandemError(code, `Cannot ${what}: ${reasonOf(error)}`, {
    cause: error,
    ...permissionHint(error),
  });
}
