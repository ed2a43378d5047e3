import { TandemError } from "../lib/error.ts";
import type { Bootloader } from "./bootloader.ts";
import { ENTRIES, readEntries } from "./systemd-boot/entry-folder.ts";
import { type Esp, isFile } from "./esp/esp.ts";

export type LoaderName = Bootloader["name"];
export const LOADER_WISHES = ["auto", "grub", "systemd-boot"] as const;
export type LoaderWish = (typeof LOADER_WISHES)[number];

export interface Detected {
  readonly name: LoaderName;
  /** What it was seen by, for people. */
  readonly seen: string;
}

const GRUB = ["/tandem/grub.cfg"] as const;
const SYSTEMD_BOOT = ["/EFI/systemd/systemd-bootx64.efi", "/EFI/BOOT/BOOTX64.EFI"] as const;
const LOADER_CONF = "/loader/loader.conf";

/** Which boot loader the disk has. Throws `boot` when there is no telling. */
export function detectLoader(esp: Esp | undefined, wish: LoaderWish): Detected {
  if (wish === "systemd-boot" && esp === undefined)
    throw refused("systemd-boot is configured, and the disk has no EFI system partition");
  if (wish !== "auto") return { name: wish, seen: "it is configured" };
  // A machine with a BIOS may keep GRUB's files anywhere.
  if (esp === undefined) return { name: "grub", seen: "there is no EFI system partition" };
  const grub = GRUB.filter((path) => isFile(esp, path));
  const systemd = marksOf(esp, grub.length > 0);
  const seen = [...grub, ...systemd].join(", ");
  if (grub.length > 0 && systemd.length === 0) return { name: "grub", seen };
  if (grub.length === 0 && systemd.length > 0) return { name: "systemd-boot", seen };
  throw grub.length > 0
    ? refused(`${esp.name} has files of both GRUB and systemd-boot: ${seen}`)
    : refused(
        `${esp.name} has neither ${GRUB.join("")} nor ${LOADER_CONF} with ${SYSTEMD_BOOT.join(" or ")}`,
      );
}

/** What speaks for systemd-boot. It goes on without loader.conf: then its program or our entries do, unless GRUB has a claim. */
function marksOf(esp: Esp, isClaimed: boolean): string[] {
  const programs = SYSTEMD_BOOT.filter((path) => isFile(esp, path));
  if (isFile(esp, LOADER_CONF)) return programs.length === 0 ? [] : [LOADER_CONF, ...programs];
  if (isClaimed) return [];
  const entries = readEntries(esp).names.map((name) => `${ENTRIES}/${name}`);
  return entries.length > 0 || programs[0] === SYSTEMD_BOOT[0] ? [...entries, ...programs] : [];
}

function refused(why: string): TandemError {
  return new TandemError("boot", `Cannot tell which boot loader the disk has: ${why}`, {
    hint: "Name it in the configuration: bootloader: grub or systemd-boot.",
  });
}
