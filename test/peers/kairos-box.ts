/**
 * A machine of Kairos that boots again and again: the model of its GRUB chooses an image on a real disk, which the kernel
 * then has mounted as the initrd of Kairos mounts it. Needs root.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { envBlock } from "../../scripts/disk/env-block.ts";
import type { System } from "../../src/system/system.ts";
import { bootKairos, type KairosBoot } from "../fakes/kairos-loader.ts";
import {
  type KairosDisk,
  kairosPart,
  type KairosPart,
  type KairosSetup,
  makeKairosDisk,
} from "../kairos/disk.ts";
import { volumesOf } from "../kairos/volumes.ts";
import { command } from "./command.ts";
import { runningFrom } from "./kairos-machine.ts";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.ts";

const SECTOR_BYTES = 512;
const PARTS = { COS_STATE: "state", COS_OEM: "oem", COS_RECOVERY: "recovery" } as const;

export interface Booted extends KairosBoot {
  /** The machine as tandem sees it in this boot. */
  readonly system: System;
  /** Where COS_STATE, or in a recovery system COS_RECOVERY, is mounted. */
  readonly mount: string;
}

interface BootOptions {
  readonly image?: string;
  readonly hasHook?: boolean;
}

export class KairosBox implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly disk: KairosDisk;
  readonly device: string;
  readonly #mounted = new Set<string>();
  #boots = 0;
  #undo: (() => PromiseLike<unknown>)[] = [];

  private constructor(folder: TemporaryFolder, disk: KairosDisk, device: string) {
    this.folder = folder;
    this.disk = disk;
    this.device = device;
  }

  static async make(setup: Omit<KairosSetup, "path">): Promise<KairosBox> {
    const folder = await temporaryFolder();
    const disk = makeKairosDisk({ ...setup, path: folder.in("disk") });
    const device = (await command("losetup", "--find", "--show", disk.path)).trim();
    for (const { number, offsetBytes, sizeBytes } of disk.parts) {
      const place = [offsetBytes, sizeBytes].map((bytes) => `${bytes / SECTOR_BYTES}`);
      await command("addpart", device, `${number}`, ...place);
    }
    return new KairosBox(folder, disk, device);
  }

  /**
   * Switches the machine off, and GRUB starts a system. `image`: the operator has chosen this one in the menu. `hasHook`:
   * the hook of tandem is installed.
   */
  async boot({ image, hasHook = false }: BootOptions = {}): Promise<Booted> {
    await this.off();
    const boot = await this.#grub();
    const file =
      image ?? /cos-img\/filename=(\S+)/.exec(boot.cmdline)?.[1] ?? "/cOS/no-system-was-started";
    const isRecovery = file.includes("recovery");
    const mount = await this.#mount(isRecovery ? "recovery" : "state", "cos-state", "ro");
    await this.#mount("oem", "oem", "rw");
    const path = join(mount, file);
    const loop = (await command("losetup", "--read-only", "--find", "--show", path)).trim();
    this.#undo.push(() => command("losetup", "--detach", loop));
    const number = readFileSync(`/sys/class/block/${basename(loop)}/dev`, "utf8").trim();
    this.#boots += 1;
    const cmdline = image === undefined ? boot.cmdline : `cos-img/filename=${image}`;
    const system = inBoot(runningFrom(number, cmdline), `boot-${this.#boots}`, hasHook);
    return { ...boot, system, mount };
  }

  /** The stage of Kairos that confirms each boot of the active system. */
  async confirm({ mount }: Booted): Promise<void> {
    await command("mount", "-o", "remount,rw", mount);
    const path = join(mount, "boot_assessment");
    const file = openSync(path, "r+");
    writeSync(file, envBlock({ enable_boot_assessment: "", boot_assessment_tentative: "" }));
    closeSync(file);
    await command("sync");
    await command("mount", "-o", "remount,ro", mount);
  }

  /** A file on COS_STATE that another program has left. */
  async leave({ mount }: Booted, path: string): Promise<void> {
    await command("mount", "-o", "remount,rw", mount);
    writeFileSync(join(mount, path), "left");
    await command("sync");
    await command("mount", "-o", "remount,ro", mount);
  }

  async off(): Promise<void> {
    for (const step of this.#undo.splice(0).toReversed()) await step();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A test that has failed may have left files open, and the error of the test is the one to show.
    for (const path of this.#mounted) await command("umount", "--lazy", path).catch(String);
    await this.off().catch(String);
    for (const { number } of this.disk.parts) await this.#removePart(number);
    await command("losetup", "--detach", this.device);
    await this.folder[Symbol.asyncDispose]();
  }

  /** GRUB changes files in place. The model reads the disk without the journal, as GRUB does. */
  async #grub(): Promise<KairosBoot> {
    const changes: { part: KairosPart; path: string; bytes: Uint8Array }[] = [];
    const volumes = volumesOf(this.disk).map((volume) => ({
      ...volume,
      write(path: string, bytes: Uint8Array) {
        volume.write(path, bytes);
        const part = Object.entries(PARTS).find(([label]) => label === volume.label)?.[1];
        if (part === undefined) throw new Error(`GRUB writes to ${volume.label}`);
        changes.push({ part, path, bytes });
      },
    }));
    const boot = bootKairos({ volumes });
    for (const { part, path, bytes } of changes) {
      const mount = await this.#mount(part, `grub-${part}`, "rw");
      const file = openSync(join(mount, path), "r+");
      writeSync(file, bytes);
      closeSync(file);
      await this.off();
    }
    return boot;
  }

  async #mount(part: KairosPart, name: string, access: "ro" | "rw"): Promise<string> {
    const path = this.folder.in(name);
    mkdirSync(path, { recursive: true });
    const device = `${this.device}p${kairosPart(this.disk, part).number}`;
    await command("mount", "-t", "ext4", "-o", access, device, path);
    this.#mounted.add(path);
    this.#undo.push(async () => {
      // The kernel lets go of a file a moment after the last write to it that bypassed the page cache.
      await again(() => command("umount", path));
      this.#mounted.delete(path);
    });
    return path;
  }

  /** Another program may look at the labels of all disks at this moment. */
  async #removePart(number: number): Promise<void> {
    await again(() => command("delpart", this.device, `${number}`));
  }
}

/** Tries until it works. Each attempt starts a program, which takes a while. */
async function again(action: () => Promise<unknown>, attempts = 100): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (attempts === 1) throw error;
    await again(action, attempts - 1);
  }
}

function inBoot(system: System, bootId: string, hasHook: boolean): System {
  return {
    ...system,
    files: {
      ...system.files,
      readText: (path) =>
        path === "/proc/sys/kernel/random/boot_id" ? `${bootId}\n` : system.files.readText(path),
      // The host may have hooks of its own.
      exists: (path) =>
        path === "/oem/95_tandem.yaml"
          ? hasHook
          : !path.includes("tandem-health") && system.files.exists(path),
    },
  };
}
