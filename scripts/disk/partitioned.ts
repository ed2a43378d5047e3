import { truncateSync, writeFileSync } from "node:fs";
import { command } from "./command.ts";
import { diskBytes, type Part } from "./layout.ts";

const SECTOR_BYTES = 512;

/** A new disk image, all zeros but for its GUID partition table. */
export function makePartitioned(path: string, parts: readonly Part<string>[]): void {
  writeFileSync(path, "");
  truncateSync(path, diskBytes(parts));
  const options = parts.flatMap(({ number, label, type, partuuid, offsetBytes, sizeBytes }) => {
    const first = offsetBytes / SECTOR_BYTES;
    const last = first + sizeBytes / SECTOR_BYTES - 1;
    const range = `--new=${number}:${first}:${last}`;
    const names = [`--typecode=${number}:${type}`, `--change-name=${number}:${label}`];
    return [range, ...names, `--partition-guid=${number}:${partuuid}`];
  });
  command(["sgdisk", "--clear", ...options, path]);
}
