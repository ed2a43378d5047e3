/** A disk image with version 1 in slot a. The built binary runs on it as a user without privileges. */
import { chmodSync, chownSync, copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { makeDisk, type Disk } from "../../scripts/disk.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import type { BootRecord } from "../../src/control/record.ts";
import { readRoot } from "../../src/disk/hash-root.ts";
import { readGpt } from "../../src/disk/gpt.ts";
import { MiB } from "../../src/lib/units.ts";
import { part, type BlockFile } from "../../src/system/block-file.ts";
import { linux } from "../../src/system/linux.ts";
import { LABELS } from "../../src/slot/labels.ts";
import { controlIn } from "../fakes/control.ts";
import { ALONE } from "../peers/alone.ts";
import { writeImage } from "../peers/image.ts";
import { tar, type TarMember } from "../peers/tar.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { initrdOf, kernelOf } from "../fakes/boot-files.ts";

export const TANDEM: string = join(import.meta.dir, "../../dist/tandem");
const SLOT_BYTES = 16 * MiB;
/** The user and the group "nobody" of Debian. */
const NOBODY = 65534;

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The files of a bootable image. They differ between versions. */
export function systemMembers(version: string, more: readonly TarMember[] = []): TarMember[] {
  return [
    { path: "boot/vmlinuz", data: kernelOf(`kernel of ${version} `.repeat(5000)) },
    { path: "boot/initrd", data: initrdOf(`initrd of ${version} `.repeat(5000)) },
    { path: "etc/os-release", data: `VERSION=${version}\n` },
    ...more,
  ];
}

export function systemLayer(version: string, more: readonly TarMember[] = []): Uint8Array {
  return tar(systemMembers(version, more));
}

export interface SpawnOptions {
  /** Its whole environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** A shell script that prepares a mount namespace as root, and then runs "$@". */
  readonly view?: string;
}

/** Runs tandem as the user nobody, in an environment that has nothing of the host. */
export function spawn(
  args: readonly string[],
  { variables = ALONE, view }: SpawnOptions = {},
): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  const drop =
    process.getuid?.() === 0
      ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"]
      : [];
  const viewed = view === undefined ? [] : ["unshare", "--mount", "sh", "-ec", view, "sh"];
  return Bun.spawn([...viewed, ...drop, TANDEM, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...variables },
  });
}

export async function ended(child: ReturnType<typeof spawn>): Promise<Run> {
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

export function tandem(...args: readonly string[]): Promise<Run> {
  return ended(spawn(args));
}

export interface Appliance extends AsyncDisposable {
  readonly disk: string;
  readonly folder: TemporaryFolder;
  /** The offset of a partition in bytes. */
  readonly offsetOf: (label: string) => number;
  readonly record: () => BootRecord | undefined;
  /** Whether slot a still holds the installed bytes. */
  readonly isWhole: () => Promise<boolean>;
}

let template: Promise<string> | undefined;
const kept: TemporaryFolder[] = [];

/** A new copy of the disk. The first call makes the original. */
export async function appliance(): Promise<Appliance> {
  if (!existsSync(TANDEM)) throw new Error(`Cannot find ${TANDEM}: run make build`);
  template ??= makeTemplate();
  const folder = await temporaryFolder();
  const disk = folder.in("disk.img");
  copyFileSync(await template, disk);
  chmodSync(folder.path, 0o755);
  if (process.getuid?.() === 0) chownSync(disk, NOBODY, NOBODY);
  return {
    disk,
    folder,
    offsetOf: (label) => partitionOf(disk, label).offsetBytes,
    record: () => withPart(disk, LABELS.control, (control) => controlIn(control).loaderData.record),
    async isWhole() {
      const { state } = withPart(disk, LABELS.control, (control) => controlIn(control).memory);
      const held = state.slots.a;
      if (held.status !== "written") return false;
      const root = await withPart(disk, LABELS.a, (slot) => readRoot(slot, held.runs));
      return root === held.hashRoot;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function makeTemplate(): Promise<string> {
  const folder = await temporaryFolder();
  kept.push(folder);
  const layout = folder.in("layout");
  await writeImage(layout, { tag: "1", layers: [{ tar: systemMembers("1") }] });
  const disk: Disk = makeDisk({ path: folder.in("disk.img"), slotBytes: SLOT_BYTES });
  await installFirst(disk, { source: `oci-layout:${layout}:1` });
  return disk.path;
}

/** Removes the original disk. */
export async function forgetTemplate(): Promise<void> {
  for (const folder of kept.splice(0)) await folder[Symbol.asyncDispose]();
  template = undefined;
}

function partitionOf(disk: string, label: string): { offsetBytes: number; sizeBytes: number } {
  const file = linux.openBlock(disk, { write: false });
  try {
    const found = readGpt(file).partitions.find((one) => one.label === label);
    if (found === undefined) throw new Error(`no partition ${label}`);
    return found;
  } finally {
    file.close();
  }
}

function withPart<T>(disk: string, label: string, action: (file: BlockFile) => T): T {
  const { offsetBytes, sizeBytes } = partitionOf(disk, label);
  const file = linux.openBlock(disk, { write: false });
  const close = (): void => file.close();
  try {
    const result = action(part(file, { name: label, offsetBytes, sizeBytes }));
    if (result instanceof Promise) void result.finally(close);
    else close();
    return result;
  } catch (error) {
    close();
    throw error;
  }
}
