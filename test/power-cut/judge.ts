/** The conditions that every disk must meet after a power cut. */
import type { LoaderName } from "../../src/boot/loaders.ts";
import { readEntries } from "../../src/boot/systemd-boot/entry-folder.ts";
import { readEspText } from "../../src/boot/esp/esp.ts";
import { findFile } from "../../src/boot/image/find.ts";
import { rawEsp } from "../../src/boot/esp/raw-esp.ts";
import type { Control } from "../../src/control/control.ts";
import { readRoot } from "../../src/disk/hash-root.ts";
import type { Run } from "../../src/disk/run.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { markGood, recordFall } from "../../src/verdict/mark.ts";
import { controlIn } from "../fakes/control.ts";
import { memorySource } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import type { Cut } from "../fakes/recorded-disk.ts";
import { machineWith, partOfDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { boot, cameUp } from "./loader.ts";

/** The runs and the hash root of each completely written image. The keys are digests. */
export type Whole = Map<string, { readonly runs: readonly Run[]; readonly hashRoot: string }>;

export interface Expectation {
  readonly loader: LoaderName;
  readonly whole: Whole;
  /** The number of the record at the start. */
  readonly gen: number;
  /** Whether the loader may have given up a slot. */
  readonly fell: boolean;
}

/** More boots than any trial of these stories has. */
const BOOTS = 5;

export function controlOn(disk: BlockFile): Control {
  return controlIn(partOfDisk(disk, "control"));
}

/** Records the complete systems on this disk, according to the state. */
export function learn(whole: Whole, disk: BlockFile): void {
  for (const held of Object.values(controlOn(disk).memory.state.slots))
    if (held.status === "written") whole.set(held.digest, held);
}

/** Throws unless the disk boots a complete system, again and again without a verdict, and finally the good one. */
export async function judge(image: PagedImage, expectation: Expectation): Promise<void> {
  const { loader, gen, fell } = expectation;
  const disk = image.file();
  judgeOrder(loader, disk);
  await judgeStarts(disk, expectation);
  const first = await boot(loader, disk);
  const { cmdline, loaderData } = await cameUp(disk, first.cmdline);
  const { record } = loaderData;
  if (record === undefined) throw new Error("there is no record");
  if (record.gen < gen) throw new Error(`the record went back to ${record.gen}`);
  if (cmdline.fell !== undefined && !fell)
    throw new Error(`the loader gave up on slot ${cmdline.fell}: ${first.cmdline}`);
  await judgeStarts(disk, expectation);
  let last = first.slot;
  for (let boots = 1; boots < BOOTS && last !== record.good; boots += 1)
    last = (await boot(loader, disk)).slot;
  if (last !== record.good) throw new Error(`it ends in slot ${last}, good is ${record.good}`);
}

/**
 * systemd-boot reads the entries, so they must be written before the record. Call this before repair(), which would
 * hide a wrong order.
 */
export function judgeOrder(loader: LoaderName, disk: BlockFile): void {
  if (loader !== "systemd-boot") return;
  const { gen = 0 } = controlOn(disk).loaderData.record ?? {};
  const entries = readEntries(rawEsp(partOfDisk(disk, "esp")));
  if (gen > entries.gen)
    throw new Error(
      `record ${gen} is in the control partition, and the entries are of ${entries.gen}`,
    );
}

/** A loader starts any bootable slot rather than none, so each bootable slot must hold exactly the recorded system. */
async function judgeStarts(disk: BlockFile, { loader, whole }: Expectation): Promise<void> {
  for (const { slot, digest } of loader === "grub" ? specsOn(disk) : entriesOn(disk, whole)) {
    const want = whole.get(digest);
    if (want === undefined) throw new Error(`slot ${slot} is said to hold ${digest}`);
    const root = await readRoot(partOfDisk(disk, slot), want.runs);
    if (root !== want.hashRoot) throw new Error(`slot ${slot} is not whole`);
    if (loader === "systemd-boot") judgeCopies(disk, slot);
  }
}

/** Checks that the kernel and initrd that systemd-boot loads equal those in the slot. */
function judgeCopies(disk: BlockFile, slot: "a" | "b"): void {
  const esp = rawEsp(partOfDisk(disk, "esp"));
  const fs = openFileSystem(partOfDisk(disk, slot));
  for (const { linux, initrd } of readEntries(esp).entries.filter((entry) => entry.slot === slot))
    for (const [path, inSlot] of [
      [linux, "/boot/vmlinuz"],
      [initrd ?? "", "/boot/initrd"],
    ] as const) {
      const wanted = fs.read(findFile(fs.root, inSlot)?.node ?? fail(`no ${inSlot}`));
      const copy = readEspText(esp, path, wanted.byteLength);
      if (copy !== Buffer.from(wanted).toString("utf8"))
        throw new Error(`${path} is not what is in slot ${slot}`);
    }
}

function fail(why: string): never {
  throw new Error(why);
}

interface Startable {
  readonly slot: "a" | "b";
  readonly digest: string;
}

function specsOn(disk: BlockFile): Startable[] {
  const { loaderData } = controlOn(disk);
  return (["a", "b"] as const).flatMap((slot) => {
    const spec = loaderData.spec(slot);
    return "invalid" in spec ? [] : [{ slot, digest: spec.digest }];
  });
}

/** An entry names its kernel by a part of the digest. It counts only when that file exists. */
function entriesOn(disk: BlockFile, whole: Whole): Startable[] {
  const esp = rawEsp(partOfDisk(disk, "esp"));
  return readEntries(esp).entries.flatMap(({ slot, linux }) => {
    if ((slot !== "a" && slot !== "b") || esp.read(linux) === undefined) return [];
    const tag = linux.split("-").at(-1) ?? "";
    const digest = [...whole.keys()].find((known) => known.split(":")[1]?.startsWith(tag));
    return [{ slot, digest: digest ?? `unknown ${tag}` }];
  });
}

/** Does what every machine does after a boot, then upgrades to `version`. */
export async function goOn(disk: BlockFile, cmdline: string, version: string): Promise<void> {
  const machine = await cameUp(disk, cmdline);
  await recordFall(machine);
  await markGood(machine, undefined, "test");
  await upgradeTo(version, machine);
}

/** Throws unless the next boot is the trial of this version. */
export async function expectTrial(
  loader: LoaderName,
  disk: BlockFile,
  version: string,
): Promise<void> {
  const { trial } = controlOn(disk).loaderData.record ?? {};
  const { slot } = await boot(loader, disk);
  if (slot !== trial || digestIn(disk, slot) !== memorySource(version).digest)
    throw new Error(`slot ${slot} boots with ${digestIn(disk, slot)}, want ${version} on trial`);
}

function digestIn(disk: BlockFile, slot: SlotName): string {
  const spec = controlOn(disk).loaderData.spec(slot);
  return "invalid" in spec ? spec.invalid : spec.digest;
}

/** Returns the number of the current record. */
export async function genOn(image: PagedImage): Promise<number> {
  const machine = machineWith(image.fork().file());
  await machine.loader.repair();
  return machine.loaderData.record?.gen ?? 0;
}

/** Adds the name of the cut to a failure. */
export async function explain(cut: Cut, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`cut ${cut.name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
