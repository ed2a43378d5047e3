/** The boot loaders that tandem knows: one line for each. */
import { grub } from "./grub/grub.ts";
import { KAIROS_LOADER } from "./kairos/kairos.ts";
import type { Loader } from "./loader.ts";
import { systemdBoot } from "./systemd-boot/systemd-boot.ts";

/** Loaders with files on an EFI system partition. Their order is the one in messages. */
export const LOADERS = [grub, systemdBoot] as const satisfies readonly Loader[];

export type LoaderName = (typeof LOADERS)[number]["name"];

/** Loaders that a layout brings with it: they are not detected, and the configuration does not choose them. */
export const LAYOUT_LOADERS = [KAIROS_LOADER] as const;

/** What the configuration takes. auto: the loader is detected. */
export type LoaderChoice = "auto" | LoaderName;
export const LOADER_CHOICES: readonly LoaderChoice[] = ["auto", ...LOADERS.map(({ name }) => name)];
