import { dirname } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import { isFull, machineFailure } from "../system/failure.ts";
import { DIRECTORY } from "../system/files.ts";
import type { System } from "../system/system.ts";

const ELSEWHERE =
  "Name a file in a folder that can be written: tandem report FILE, or - for stdout.";

/** Refuses a file that is there already, and a folder that is none, before anything is collected. Throws `usage`. */
export function refuseTarget({ files }: Pick<System, "files">, path: string): void {
  if (files.kind(path) === DIRECTORY)
    throw new TandemError("usage", `Cannot write the report to ${path}: it is a directory`, {
      hint: "Name a file in it.",
    });
  if (files.exists(path))
    throw new TandemError("usage", `Cannot write the report to ${path}: there is a file already`, {
      hint: "Name another file, or remove this one.",
    });
  const folder = dirname(path);
  const kind = files.kind(folder);
  if (kind === DIRECTORY) return;
  const why = kind === undefined ? `there is no ${folder}` : `${folder} is not a directory`;
  throw new TandemError("usage", `Cannot write the report to ${path}: ${why}`, { hint: ELSEWHERE });
}

/** Writes the archive as a whole or not at all, for its owner alone. Throws `disk` and `no-space`. */
export function writeReport(
  { replaceFile }: Pick<System, "replaceFile">,
  path: string,
  archive: Uint8Array,
): void {
  try {
    replaceFile(path, archive, 0o600);
  } catch (cause) {
    if (machineFailure(cause) === undefined) throw cause;
    const code = isFull(cause) ? "no-space" : "disk";
    throw new TandemError(code, `Cannot write the report to ${path}: ${reasonOf(cause)}`, {
      cause,
      hint: ELSEWHERE,
    });
  }
}
