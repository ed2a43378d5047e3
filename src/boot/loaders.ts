/** The boot loaders that tandem knows: one line for each. */
import { grub } from "./grub/grub.ts";
import type { Loader } from "./loader.ts";
import { systemdBoot } from "./systemd-boot/systemd-boot.ts";

/** Their order is the one in messages. */
export const LOADERS = [grub, systemdBoot] as const satisfies readonly Loader[];

export type LoaderName = (typeof LOADERS)[number]["name"];

/** What the configuration takes. auto: the loader is detected. */
export type LoaderChoice = "auto" | LoaderName;
export const LOADER_CHOICES: readonly LoaderChoice[] = ["auto", ...LOADERS.map(({ name }) => name)];
