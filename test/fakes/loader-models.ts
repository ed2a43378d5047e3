/**
 * A model of each boot loader: what the loader does in one boot, on a disk in memory. The stories of all loaders use
 * these.
 */
import { type LoaderName, LOADERS } from "../../src/boot/loaders.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { bootWithGrub } from "./grub-model.ts";
import { bootWithSystemd } from "./systemd-boot-model.ts";
import { partOfDisk } from "./whole-disk.ts";

/** The kernel command line, or the reason why no kernel was started. */
export type ModelBoot = { readonly cmdline: string } | { readonly why: string };

/** Boots once. It changes only what the real loader changes. */
export const LOADER_MODELS: Readonly<Record<LoaderName, (disk: BlockFile) => Promise<ModelBoot>>> =
  {
    grub: (disk) => Promise.resolve(bootWithGrub(disk)),
    async "systemd-boot"(disk) {
      const cmdline = await bootWithSystemd(partOfDisk(disk, "esp"));
      return cmdline === undefined ? { why: "no entry can be started" } : { cmdline };
    },
  };

export const LOADER_NAMES: readonly LoaderName[] = LOADERS.map(({ name }) => name);
