/**
 * A disk of Kairos in a loop device, mounted as the initrd of Kairos mounts it, and a machine that runs from one of its
 * images. Everything is the kernel's but the mount at "/", which mountinfo is made to tell. Needs root.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { makeKairosDisk, type KairosSetup, kairosPart, type KairosPart } from "../kairos/disk.ts";
import { linux } from "../../src/system/linux.ts";
import type { System } from "../../src/system/system.ts";
import { until } from "../fakes/until.ts";
import { command } from "./command.ts";
import { temporaryFolder, type TemporaryFolder } from "./temporary-folder.ts";

export interface KairosMachine extends AsyncDisposable {
  /** The machine as tandem sees it. */
  readonly system: System;
  /** The loop device that stands for the disk. */
  readonly disk: string;
  readonly device: (part: KairosPart) => string;
  /** Where COS_STATE, or in a recovery system COS_RECOVERY, is mounted. */
  readonly mount: string;
  readonly folder: TemporaryFolder;
}

export interface KairosBoot {
  readonly from: "active" | "passive" | "recovery";
}

const SECTOR_BYTES = 512;

/** A mount namespace of another test may hold the partition for a while. */
const removePartition = (disk: string, number: number): Promise<void> =>
  until(() => Bun.spawnSync(["delpart", disk, `${number}`]).success);

export async function kairosMachine(
  setup: Omit<KairosSetup, "path">,
  { from }: KairosBoot,
): Promise<KairosMachine> {
  const folder = await temporaryFolder();
  const undo: (() => PromiseLike<unknown>)[] = [() => folder[Symbol.asyncDispose]()];
  const end = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step();
  };
  try {
    const image = makeKairosDisk({ ...setup, path: folder.in("disk") });
    const disk = (await command("losetup", "--find", "--show", image.path)).trim();
    undo.push(() => command("losetup", "--detach", disk));
    for (const { number, offsetBytes, sizeBytes } of image.parts) {
      const place = [offsetBytes, sizeBytes].map((bytes) => `${bytes / SECTOR_BYTES}`);
      await command("addpart", disk, `${number}`, ...place);
      undo.push(() => removePartition(disk, number));
    }
    const device = (part: KairosPart): string => `${disk}p${kairosPart(image, part).number}`;
    const on = from === "recovery" ? "recovery" : "state";
    const mount = folder.in("cos-state");
    for (const [part, path, access] of [
      [on, mount, "ro"],
      ["oem", folder.in("oem"), "rw"],
    ] as const) {
      mkdirSync(path);
      await command("mount", "-t", "ext4", "-o", access, device(part), path);
      undo.push(() => command("umount", path));
    }
    const file = join(mount, `cOS/${from}.img`);
    const loop = (await command("losetup", "--read-only", "--find", "--show", file)).trim();
    undo.push(() => command("losetup", "--detach", loop));
    const number = readFileSync(`/sys/class/block/${basename(loop)}/dev`, "utf8").trim();
    const system = runningFrom(number, `cos-img/filename=/cOS/${from}.img`);
    return { system, disk, device, mount, folder, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** This machine, if the device with this number were mounted as its root. */
export function runningFrom(number: string, cmdline: string): System {
  const root = `1 1 ${number} / / ro,relatime shared:1 - ext4 /dev/root ro\n`;
  return {
    ...linux,
    files: {
      ...linux.files,
      readText(path) {
        if (path === "/proc/cmdline") return `${cmdline}\n`;
        const text = linux.files.readText(path);
        return path === "/proc/self/mountinfo" ? `${text}${root}` : text;
      },
    },
  };
}
