import { TandemError } from "../lib/error.ts";
import type { Bootloader } from "./bootloader.ts";
import { type Esp, isFile } from "./esp.ts";

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
  const programs = SYSTEMD_BOOT.filter((path) => isFile(esp, path));
  const systemd = isFile(esp, LOADER_CONF) ? [LOADER_CONF, ...programs] : [];
  const isSystemd = systemd.length > 1;
  const seen = [...grub, ...systemd].join(", ");
  if (grub.length > 0 && !isSystemd) return { name: "grub", seen };
  if (grub.length === 0 && isSystemd) return { name: "systemd-boot", seen };
  throw grub.length > 0
    ? refused(`${esp.name} has files of both GRUB and systemd-boot: ${seen}`)
    : refused(
        `${esp.name} has neither ${GRUB.join("")} nor ${LOADER_CONF} with ${SYSTEMD_BOOT.join(" or ")}`,
      );
}

function refused(why: string): TandemError {
  return new TandemError("boot", `Cannot tell which boot loader the disk has: ${why}`, {
    hint: "Name it in the configuration: bootloader: grub or systemd-boot.",
  });
}
