/** What the kernel knows: its command line, mounts, disks and messages. */
import { reasonOf, TandemError } from "../lib/error.ts";
import { machineFailure, permissionHint } from "../system/failure.ts";
import type { System } from "../system/system.ts";
import type { Part } from "./bundle.ts";
import { single } from "./single.ts";

const FILES = {
  cmdline: "/proc/cmdline",
  mountinfo: "/proc/self/mountinfo",
  partitions: "/proc/partitions",
  kernel: "/proc/version",
  "os-release": "/etc/os-release",
} as const;

export function kernelParts(system: Pick<System, "files" | "kernelLog">): readonly Part[] {
  return [
    ...Object.entries(FILES).map(([name, path]) =>
      single(name, `${name}.txt`, () => textAt(system, path)),
    ),
    single("dmesg", "dmesg.txt", () => kernelLog(system)),
  ];
}

function textAt({ files }: Pick<System, "files">, path: string): string {
  const text = files.readText(path);
  if (text !== undefined) return text;
  throw new TandemError("disk", `Cannot read ${path}: there is no such file`);
}

function kernelLog(system: Pick<System, "kernelLog">): string {
  try {
    return system.kernelLog();
  } catch (cause) {
    if (machineFailure(cause) === undefined) throw cause;
    throw new TandemError("disk", `Cannot read the log of the kernel: ${reasonOf(cause)}`, {
      cause,
      ...permissionHint(cause),
    });
  }
}
