/** What must hold for a disk, whatever the power has left of it. */
import { Control } from "../../src/control/control.ts";
import { readRoot } from "../../src/disk/hash-root.ts";
import type { Run } from "../../src/disk/run.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import { SLOT_NAMES, type SlotName } from "../../src/slot/slot.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { markGood, settleFall } from "../../src/upgrade/mark.ts";
import { bootWithGrub, type GrubOutcome } from "../fakes/grub-model.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { memorySource } from "../fakes/machine.ts";
import type { Cut } from "../fakes/recorded-disk.ts";
import { machineWith, partOfDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

/** Where each image's file system lies and what it hashes to, once it was written whole. By digest. */
export type Whole = Map<string, { readonly runs: readonly Run[]; readonly hashRoot: string }>;

export interface Expectation {
  readonly whole: Whole;
  /** Number of the record before anything happened. */
  readonly gen: number;
  /** The loader may say that it gave up on a slot. */
  readonly fell: boolean;
}

/** More than any trial of these stories may have. */
const BOOTS = 5;

export function controlOn(disk: BlockFile): Control {
  return Control.open(partOfDisk(disk, "control"));
}

/** Remembers the systems that are whole on this disk, as the state has them. */
export function learn(whole: Whole, disk: BlockFile): void {
  for (const held of Object.values(controlOn(disk).state.slots))
    if (held.status === "written") whole.set(held.digest, held);
}

/** Throws unless the disk boots a whole system, at once and again and again without any verdict. */
export async function judge(image: PagedImage, expectation: Expectation): Promise<void> {
  const disk = image.file();
  const { record } = controlOn(disk);
  if (record === undefined) throw new Error("there is no record");
  if (record.gen < expectation.gen) throw new Error(`the record went back to ${record.gen}`);
  await judgeSpecs(disk, expectation.whole);
  let last: SlotName | undefined;
  for (let boot = 1; boot <= BOOTS && last !== record.good; boot += 1) {
    const outcome = started(bootWithGrub(disk), boot);
    const { fell } = parseCmdline(outcome.cmdline);
    if (boot === 1 && fell !== undefined && !expectation.fell)
      throw new Error(`the loader gave up on slot ${fell}: ${outcome.cmdline}`);
    last = outcome.slot;
  }
  if (last !== record.good) throw new Error(`it ends in slot ${last}, good is ${record.good}`);
}

/** GRUB takes any slot that has a spec rather than none, so each of them holds exactly what its spec says. */
async function judgeSpecs(disk: BlockFile, whole: Whole): Promise<void> {
  const control = controlOn(disk);
  for (const slot of SLOT_NAMES) {
    const spec = control.spec(slot);
    if ("invalid" in spec || slot === "recovery") continue;
    const want = whole.get(spec.digest);
    if (want === undefined) throw new Error(`slot ${slot} has an unknown spec: ${spec.digest}`);
    const root = await readRoot(partOfDisk(disk, slot), want.runs);
    if (root !== want.hashRoot) throw new Error(`slot ${slot} is not whole`);
  }
}

function started(outcome: GrubOutcome, boot: number): Extract<GrubOutcome, { kind: "boot" }> {
  if (outcome.kind === "boot") return outcome;
  throw new Error(`boot ${boot} ends in the menu: ${outcome.why}`);
}

/** What every machine does after a boot, and then an upgrade to `version`. The next boot is the trial of it. */
export async function recoverAndUpgrade(disk: BlockFile, version: string): Promise<void> {
  const { cmdline } = started(bootWithGrub(disk), 1);
  const machine = machineWith(disk, cmdline);
  await settleFall(machine);
  await markGood(machine, undefined, "test");
  await upgradeTo(version, machine);
  const { trial } = controlOn(disk).record ?? {};
  const outcome = started(bootWithGrub(disk), 1);
  const spec = controlOn(disk).spec(outcome.slot);
  const digest = "invalid" in spec ? spec.invalid : spec.digest;
  if (outcome.slot !== trial || digest !== memorySource(version).digest)
    throw new Error(`slot ${outcome.slot} boots with ${digest}, want ${version} on trial`);
}

/** Names the cut in the failure. */
export async function explain(cut: Cut, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`cut ${cut.name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
