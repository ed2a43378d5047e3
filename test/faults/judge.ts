/**
 * The conditions after each trial. Each check returns its fault in one line, so that a campaign can report all at its
 * end.
 */
import { readFileSync } from "node:fs";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { findFile } from "../../src/boot/image/find.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { systemMembers } from "../binary/appliance.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { PLACES, partOfDisk, type PlaceName } from "../fakes/whole-disk.ts";
import { cameUp } from "../power-cut/loader.ts";
import { controlOn, judge, learn, type Whole } from "../power-cut/judge.ts";
import type { Run } from "./strace.ts";
import type { Version, World } from "./world.ts";

export type Slot = "a" | "b";

/** The exit statuses in README's table that are no bugs. */
const STATUS_MAX = 11;
const STOPPED = 130;

/** Checks the status and the messages of a run. `killedBy`: the status of a run that was killed on purpose. */
export function judgeRun({ status, stderr, hung }: Run, killedBy?: number): string[] {
  if (hung) return [`it hangs: ${lastLine(stderr)}`];
  if (status === killedBy) return [];
  const isKnown = (status !== 1 && status <= STATUS_MAX) || status === STOPPED;
  const isExplained = status === 0 || /^tandem: (?:Cannot|Stopped)|^Stopp(?:ing|ed)/m.test(stderr);
  const wrong = [
    ...(isKnown ? [] : [`status ${status}`]),
    ...(isExplained ? [] : ["it does not say why"]),
    ...(/^\s+at .*:\d+/m.test(stderr) ? ["it prints a stack"] : []),
    ...(/errno \d/.test(stderr) ? ["an error has a number instead of a name"] : []),
  ];
  return wrong.length === 0 ? [] : [`${wrong.join(", ")}: ${lastLine(stderr)}`];
}

function lastLine(stderr: string): string {
  const messages = stderr.match(/^(?:tandem: .*|  because: .*)$/gm) ?? stderr.trim().split("\n");
  return messages.slice(-3).join(" | ").slice(0, 400);
}

/** The state of a disk between two runs. */
export class Snapshot {
  readonly bytes: Uint8Array;

  constructor(path: string) {
    this.bytes = readFileSync(path);
  }

  image(): PagedImage {
    const image = PagedImage.zeros(this.bytes.byteLength);
    image.share(0, this.bytes);
    return image;
  }

  disk(): BlockFile {
    return this.image().file();
  }

  part(name: PlaceName): Uint8Array {
    const { offsetBytes, sizeBytes } = PLACES[name];
    return this.bytes.subarray(offsetBytes, offsetBytes + sizeBytes);
  }
}

/** Returns the names of the parts that have changed. */
export function changed(before: Snapshot, after: Snapshot, parts: readonly PlaceName[]): string[] {
  return parts
    .filter((name) => Buffer.compare(before.part(name), after.part(name)) !== 0)
    .map((name) => `${name} has changed`);
}

export interface Known {
  readonly world: World;
  readonly loader: LoaderName;
  /** The disk before the trial. */
  readonly before: Snapshot;
}

/** Checks that the record names only complete slots, and that the loader finally boots the good one. */
export async function judgeBoots(
  { world, loader, before }: Known,
  after: Snapshot,
): Promise<string[]> {
  const whole: Whole = new Map();
  try {
    learn(whole, before.disk());
    for (const slot of ["a", "b"] as const) learnFrom(world, after.disk(), { slot, whole });
    const gen = controlOn(before.disk()).loaderData.record?.gen ?? 0;
    await judge(after.image(), { loader, whole, gen, fell: false });
    return [];
  } catch (error) {
    return [String(error)];
  }
}

/** A slot that was written during the trial is complete when its file system holds the system of its digest. */
function learnFrom(
  { digests }: World,
  disk: BlockFile,
  { slot, whole }: { readonly slot: Slot; readonly whole: Whole },
): void {
  const held = controlOn(disk).memory.state.slots[slot];
  if (held.status !== "written" || whole.has(held.digest)) return;
  const version = (["2", "3"] as const).find((one) => digests[one] === held.digest);
  if (version !== undefined && holdsSystem(partOfDisk(disk, slot), version))
    whole.set(held.digest, held);
}

/** Whether the files that differ between versions can be read and belong to this version. */
export function holdsSystem(partition: BlockFile, version: Version): boolean {
  const fs = openFileSystem(partition);
  return systemMembers(version).every((member) => {
    const found = findFile(fs.root, `/${member.path}`);
    if (found === undefined || !("data" in member)) return false;
    return Buffer.compare(fs.read(found.node), Buffer.from(member.data)) === 0;
  });
}

/** Checks the trial that an upgrade must leave. */
export function judgeTrial(world: World, after: Snapshot, version: Version): string[] {
  try {
    const disk = after.disk();
    const { loaderData, memory } = controlOn(disk);
    const slot = loaderData.record?.trial;
    if (slot !== "a" && slot !== "b") return [`there is no trial of ${version}`];
    const held = memory.state.slots[slot];
    if (held.status !== "written" || held.digest !== world.digests[version])
      return [`the trial is not ${version}`];
    return holdsSystem(partOfDisk(disk, slot), version)
      ? []
      : [`slot ${slot} does not hold ${version}`];
  } catch (error) {
    return [String(error)];
  }
}

/**
 * The disk as the next run sees it after it has completed a half-done operation. Undefined when the record cannot be
 * read.
 */
export async function goodSlot(snapshot: Snapshot): Promise<Slot | undefined> {
  try {
    const good = (await cameUp(snapshot.disk(), "")).loaderData.record?.good;
    return good === "a" || good === "b" ? good : undefined;
  } catch {
    return undefined;
  }
}
