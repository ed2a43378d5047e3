import { partOf, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";

/** Returns the names of systemd-boot's entries on a disk, read by mtools. */
export function entriesOf(disk: Disk): string[] {
  const image = `${disk.path}@@${partOf(disk, "esp").offsetBytes}`;
  const lines = command(["mdir", "-b", "-i", image, "::/loader/entries"]).trim().split("\n");
  return lines.map((line) => line.split("/").at(-1) ?? "").toSorted();
}
