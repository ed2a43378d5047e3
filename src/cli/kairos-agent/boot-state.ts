import type { Files } from "../../system/files.ts";

/** The words of the original. */
export type BootState =
  | "active_boot"
  | "passive_boot"
  | "recovery_boot"
  | "livecd_boot"
  | "autoreset_boot"
  | "unknown";

const LOADER_VARIABLES = "/sys/firmware/efi/efivars";
const VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/** What tells how this machine was booted. */
interface BootClues {
  readonly cmdline: string;
  /** Whether systemd-boot says which disk it was started from. It does not on live media. */
  readonly hasLoaderDevice: boolean;
  /** The boot entry that systemd-boot has started. */
  readonly entry: string;
}

/** Parts of the kernel command line. The first row that matches counts. */
const BY_CMDLINE: readonly (readonly [BootState, readonly string[]])[] = [
  ["autoreset_boot", ["kairos.reset"]],
  ["active_boot", ["COS_ACTIVE"]],
  ["passive_boot", ["COS_PASSIVE"]],
  ["recovery_boot", ["COS_RECOVERY", "COS_SYSTEM", "recovery-mode"]],
  ["livecd_boot", ["live:LABEL", "live:CDLABEL", "netboot"]],
];
/** Beginnings of the names of boot entries. */
const BY_ENTRY: readonly (readonly [BootState, string])[] = [
  ["active_boot", "active"],
  ["passive_boot", "passive"],
  ["recovery_boot", "recovery"],
  ["autoreset_boot", "statereset"],
];

/** Reads the boot state of this machine. "unknown" when the kernel command line cannot be read. */
export function readBootState(files: Files): BootState {
  const cmdline = files.readText("/proc/cmdline") ?? "";
  if (!isUnified(cmdline)) return bootStateOf({ cmdline, hasLoaderDevice: false, entry: "" });
  const variable = (name: string): Uint8Array =>
    files.readBytes(`${LOADER_VARIABLES}/${name}-${VENDOR}`) ?? new Uint8Array();
  return bootStateOf({
    cmdline,
    hasLoaderDevice: variable("LoaderDevicePartUUID").byteLength > 0,
    entry: printable(variable("LoaderEntrySelected")),
  });
}

/** The variable has four bytes of attributes and UTF-16. The names are ASCII, so the other bytes are control characters. */
function printable(variable: Uint8Array): string {
  return String.fromCodePoint(...variable.filter((byte) => byte >= 0x20 && byte < 0x7f));
}

/** Decides like the original. */
export function bootStateOf({ cmdline, hasLoaderDevice, entry }: BootClues): BootState {
  if (isInMemory(cmdline)) return "active_boot";
  if (!isUnified(cmdline))
    return (
      BY_CMDLINE.find(([, parts]) => parts.some((part) => cmdline.includes(part)))?.[0] ?? "unknown"
    );
  if (!hasLoaderDevice) return "livecd_boot";
  if (!entry.endsWith(".conf")) return "unknown";
  return BY_ENTRY.find(([, start]) => entry.startsWith(start))?.[0] ?? "unknown";
}

/** Whether the system is a unified kernel image. Then its boot entry tells what it is. */
export function isUnified(cmdline: string): boolean {
  return cmdline.includes("rd.immucore.uki");
}

/** Whether the system runs from memory. It counts as the active one. */
export function isInMemory(cmdline: string): boolean {
  return cmdline.split(/\s+/).some((word) => /^kairos\.ram(?:$|[.=])/.test(word));
}
