import { TandemError } from "../lib/error.ts";
import { parseBytes } from "../lib/units.ts";
import { TRIES_MAX } from "./config.ts";

/** A whole number of 1 or more. What is too large for its purpose is refused where that is known. */
export function count(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new TandemError("usage", `Cannot use ${flag} "${text}": want a whole number of 1 or more`);
}

/** Boots of a trial. */
export function tries(flag: string, text: string | undefined): number | undefined {
  const value = count(flag, text);
  if (value === undefined || value <= TRIES_MAX) return value;
  throw new TandemError("usage", `Cannot use ${flag} "${text}": want at most ${TRIES_MAX}`);
}

/** A size in bytes. */
export function size(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const sizeBytes = parseBytes(text);
  if (sizeBytes !== undefined && sizeBytes > 0) return sizeBytes;
  throw new TandemError(
    "usage",
    `Cannot use ${flag} "${text}": want a size such as 512MiB or 2GiB`,
  );
}

/** Words with commas between them. */
export function list(text: string | undefined): string[] {
  return (text ?? "").split(",").filter((word) => word !== "");
}
