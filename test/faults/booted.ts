/**
 * A machine that runs from slot b of its own disk: a loop device, with slot b mounted as the root, and the boot
 * loader's kernel options.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { readGpt } from "../../src/disk/gpt.ts";
import { TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { boot } from "../power-cut/loader.ts";
import { Snapshot } from "./judge.ts";
import { writeSparse } from "./sparse-file.ts";
import type { Wrapper } from "./strace.ts";

export interface Booted extends AsyncDisposable {
  /** The path of the disk's device node, inside the system and for the tracer outside. */
  readonly disk: string;
  readonly wrapper: Wrapper;
  readonly nodes: readonly string[];
}

const ROOT_PARTITION = 4;
const PRIVATE_MOUNTS = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"];
/** $1: the folder, $2: the partition of the root, then the command to run in a private mount namespace. */
const ENTER = `
mount -t ext4 -o ro "$2" "$1/root"
for name in dev proc sys; do mount --rbind "/$name" "$1/root/$name"; done
mount --bind "$1/cmdline" "$1/root/proc/cmdline"
mount --bind "$1/tandem" "$1/root/usr/bin/tandem"
shift 2
exec "$@"`;

/** Boots the disk with the loader's model, and makes the booted machine. Needs root. */
export async function bootFrom(path: string, loader: LoaderName): Promise<Booted> {
  const folder = dirname(path);
  const image = new Snapshot(path).image();
  const { cmdline, slot } = await boot(loader, image.file());
  if (slot !== "b") throw new Error(`slot ${slot} boots, want b`);
  writeSparse(path, image.bytes());
  const uuid = readGpt(image.file()).partitions.find(({ label }) => label === "tandem-b")?.uuid;
  writeFileSync(`${folder}/cmdline`, `root=PARTUUID=${uuid} ${cmdline}\n`);
  for (const name of ["root", "tandem"]) mkdirSync(`${folder}/${name}`);
  const disk = (await command("losetup", "--find", "--show", path)).trim();
  await command("partx", "--add", disk);
  const parts = [1, 2, 3, 4].map((number) => `${disk}p${number}`);
  const nodes = [disk, ...parts];
  const enter = ENTER.replace("$1/tandem", TANDEM);
  return {
    disk,
    nodes: [...nodes, ...nodes.map((node) => `${folder}/root${node}`)],
    wrapper: {
      outside: [...PRIVATE_MOUNTS, enter, "sh", folder, `${disk}p${ROOT_PARTITION}`],
      program: ["chroot", `${folder}/root`, "/usr/bin/tandem"],
    },
    async [Symbol.asyncDispose]() {
      // The kernel keeps the partitions of a loop device for the next disk with that number, so remove them.
      await command("partx", "--delete", disk);
      await command("losetup", "--detach", disk);
    },
  };
}
