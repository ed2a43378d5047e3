/**
 * A model of each boot loader: what it does at one boot, on a disk in memory. The stories of all loaders are run with
 * these.
 */
import { type LoaderName, LOADERS } from "../../src/boot/loaders.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { bootWithGrub } from "./grub-model.ts";
import { bootWithSystemd } from "./systemd-boot-model.ts";
import { partOfDisk } from "./whole-disk.ts";

/** What the loader gives the kernel, or why it starts none. */
export type ModelBoot = { readonly cmdline: string } | { readonly why: string };

/** Boots once. It changes only what the loader changes. */
export const LOADER_MODELS: Readonly<Record<LoaderName, (disk: BlockFile) => Promise<ModelBoot>>> =
  {
    grub: (disk) => Promise.resolve(bootWithGrub(disk)),
    async "systemd-boot"(disk) {
      const cmdline = await bootWithSystemd(partOfDisk(disk, "esp"));
      return cmdline === undefined ? { why: "no entry can be started" } : { cmdline };
    },
  };

export const LOADER_NAMES: readonly LoaderName[] = LOADERS.map(({ name }) => name);
