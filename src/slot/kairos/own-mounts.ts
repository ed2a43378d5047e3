/** The mounts that processes of tandem have made, each in a folder of its own: see Mounts.ownFolder. */
import { dirname } from "node:path";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { hintRefused } from "../../system/hint.ts";
import type { Devices } from "../block-device.ts";
import { parseMounts } from "../mounts.ts";

/** The number of the process of tandem that has mounted there. Undefined for mounts of other programs. */
export function mountOwner({ mounts }: Pick<Devices, "mounts">, path: string): string | undefined {
  const own = `${dirname(mounts.ownFolder)}/`;
  return path.startsWith(own) ? path.slice(own.length).split("/")[0] : undefined;
}

/** Unmounts what runs have left that were killed. They would keep removed files alive, and with them their space. */
export function unmountStale(devices: Pick<Devices, "files" | "mounts">): void {
  const { files, mounts } = devices;
  const all = parseMounts(files.readText("/proc/self/mountinfo") ?? "");
  // What was mounted last lies on top of the others, or below them in the tree.
  for (const { path } of all.toReversed()) {
    const owner = mountOwner(devices, path);
    if (owner !== undefined && !files.exists(`/proc/${owner}`))
      tolerate(() => mounts.unmount(path));
  }
}

/** Notes a failure after which the work can go on: another program may use the file system. */
export function tolerate(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    hintRefused(reasonOf(error));
  }
}
