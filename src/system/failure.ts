import { type ErrorCode, reasonOf, TandemError } from "../lib/error.ts";

/** The file system is full, the user's quota is used up, or the file system does not allow a file of that size. */
const NO_SPACE = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/**
 * The reason why a file cannot be used. The message does not name the file, because the caller adds what it wanted to
 * do with which file. `code` is an errno name, as in errors of node:fs.
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

/** Returns the errno name of a failed system call: "ENOENT". Undefined for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string")
    return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** Whether a write failed because there was no space. */
export function isFull(error: unknown): boolean {
  return NO_SPACE.has(errnoOf(error) ?? "");
}

/** Returns a hint when the error is a lack of permission, else an empty object. */
export function permissionHint(error: unknown): { readonly hint?: string } {
  const errno = errnoOf(error);
  if (errno !== "EACCES" && errno !== "EPERM") return {};
  return { hint: "Run tandem as root, or as a user who has the permission." };
}

/**
 * Performs `action`, and says in the error of a failed system call what was being done: "Cannot read /x: EIO …", with
 * the code "disk" or "no-space". Other errors stay as they are.
 */
export function describing<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof TandemError || errnoOf(cause) === undefined) throw cause;
    const code: ErrorCode = isFull(cause) ? "no-space" : "disk";
    throw new TandemError(code, `Cannot ${what}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Turns the error of a system call that no caller has described into a TandemError "disk" or "no-space". Undefined for
 * other errors.
 */
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
