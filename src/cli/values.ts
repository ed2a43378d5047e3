import { TandemError } from "../lib/error.ts";
import { parseBytes } from "../lib/units.ts";
import { LABEL_BYTES_MAX } from "../ext4/superblock.ts";
import { isSlotName, type SlotName } from "../slot/slot.ts";

/** A whole number from 1 to `max`. */
export function count(flag: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9][0-9]{0,5}$/.test(text) && Number(text) <= max) return Number(text);
  throw new TandemError(
    "usage",
    `Cannot use ${flag} "${text}": want a whole number from 1 to ${max}`,
  );
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

/** The label of an ext4 file system: the superblock has 16 bytes for it. */
export function fileSystemLabel(flag: string, text: string | undefined): string | undefined {
  const sizeBytes = Buffer.byteLength(text ?? "");
  if (sizeBytes <= LABEL_BYTES_MAX) return text;
  throw new TandemError(
    "usage",
    `Cannot use ${flag} "${text}": it has ${sizeBytes} bytes, want at most ${LABEL_BYTES_MAX}`,
  );
}

export function slotNamed(flag: string, text: string | undefined): SlotName | undefined {
  if (text === undefined || isSlotName(text)) return text;
  throw new TandemError(
    "usage",
    `Cannot use ${flag} "${text}": want a, b, recovery, active or passive`,
  );
}

/** Stands between the values of a repeated flag that may hold commas. No argument of a program has this byte. */
export const WHOLE_SEPARATOR = "\0";

/** The values of a repeated flag, each as it was given. */
export function wholes(text: string | undefined): string[] {
  return text?.split(WHOLE_SEPARATOR) ?? [];
}

/** Words that are separated by commas. */
export function list(text: string | undefined): string[] {
  return (text ?? "").split(",").filter((word) => word !== "");
}
