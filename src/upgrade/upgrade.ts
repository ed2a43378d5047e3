import { verdictOn } from "../control/state.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Source } from "../source/source.ts";
import { slotDigests, type Machine, note, recordOf } from "../machine/machine.ts";
import {
  excludedByWriter,
  jobsFor,
  sourceOf,
  type SourceRequest,
  type Work,
} from "../machine/open-source.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { reportFall, settleConfirmed, unrecordedFall } from "../verdict/mark.ts";
import { type Plan, planFirst, planUpgrade, type UpgradeOptions } from "./plan.ts";
import { runUpgrade, type UpgradeResult } from "./run.ts";
import type { ImageExtras, Upgrade } from "./running.ts";
import { describeStep } from "./step.ts";
import { kairosWishes } from "./kairos-wishes.ts";
import { targetFor } from "./target.ts";
import { type Content, contentOf } from "../write/content.ts";
import { refuseLarger } from "../write/write-image.ts";

export interface UpgradeRequest extends UpgradeOptions, SourceRequest, ImageExtras {
  /** Whether a person asked for this number of tries. Then the loader must be able to count them. */
  readonly isTriesNamed?: boolean;
  readonly dryRun: boolean;
  readonly jobs: number | undefined;
}

export type UpgradeReport =
  | { readonly outcome: "nothing"; readonly reason: string; readonly digest: string }
  | {
      readonly outcome: "planned";
      readonly slot: SlotName;
      readonly digest: string;
      readonly steps: readonly string[];
    }
  | ({ readonly outcome: "upgraded"; readonly tries: number } & UpgradeResult)
  /** The first system of the disk. Its slot is good at once. */
  | ({ readonly outcome: "installed" } & UpgradeResult)
  /** The image is in the recovery slot, which gets no trial. */
  | ({ readonly outcome: "stored" } & UpgradeResult);

/** Brings an image into the passive slot and lets the boot loader try it. The caller holds the disk's lock. */
export async function upgrade(
  work: Work,
  machine: Machine,
  request: UpgradeRequest & { readonly source: string },
): Promise<UpgradeReport> {
  const source = await sourceOf(work, request.source, request);
  try {
    return await upgradeFrom(source, { work, machine, request });
  } finally {
    source.close();
  }
}

export interface UpgradeJob {
  readonly work: Work;
  readonly machine: Machine;
  readonly request: UpgradeRequest;
}

/** The same from an open source. */
export async function upgradeFrom(
  opened: Source,
  { work, machine, request }: UpgradeJob,
): Promise<UpgradeReport> {
  const content = await contentOf(opened, work);
  const { digest } = content;
  const isFirst = isNewDisk(machine);
  const options = { ...request, tries: triesFor(machine.loader, request) };
  // Before the plan: a trial that the boot loader has given up is no trial any more, and its image is known to be bad.
  if (!request.dryRun) {
    await reportFall(work.talk, machine);
    await settleConfirmed(work.talk, machine);
  }
  const plan = isFirst ? planFirst(options) : planUpgrade(factsOf(machine, content), options);
  if (plan.kind === "nothing") return { outcome: "nothing", reason: plan.reason, digest };
  announce(work, plan, { machine, content });
  const steps = plan.steps.map((step) => describeStep(step));
  if (request.dryRun) {
    return { outcome: "planned", slot: plan.slot, digest, steps };
  }
  steps.forEach((step, index) => work.talk.info(`Plan ${index + 1}: ${step}`));
  const jobs = jobsFor(work.system, content.parts, request.jobs);
  const { talk, signal } = work;
  const { slot } = plan;
  const { force = false } = request;
  const exclude = excludedByWriter(opened, request);
  const wishes = machine.staging === undefined ? {} : kairosWishes(work.system, request, slot);
  const upgrading = { machine, content, slot, jobs, force, exclude, ...wishes, talk, signal };
  try {
    const result = await runUpgrade(upgrading, plan.steps);
    if (isFirst) return { outcome: "installed", ...result };
    return plan.slot === "recovery"
      ? { outcome: "stored", ...result }
      : { outcome: "upgraded", tries: options.tries, ...result };
  } catch (error) {
    await undoStaged(upgrading);
    await noteFailure(upgrading, reasonOf(error));
    throw error;
  }
}

/**
 * Writes the failure of an upgrade to the state, when the slot was changed already. A failure of that is only a
 * warning.
 */
async function noteFailure(upgrading: Upgrade, text: string): Promise<void> {
  const { machine, content, talk } = upgrading;
  const { slot } = targetFor(machine, upgrading.slot);
  if (machine.memory.state.slots[slot].status !== "writing") return;
  try {
    await note(machine, { kind: "failed", slot, digest: content.digest, text });
  } catch (error) {
    talk.warn(`Cannot note that the upgrade failed: ${reasonOf(error)}, continuing`);
  }
}

/** Throws "usage" when the loader cannot count so many. A default is reduced instead. */
function triesFor(
  { name, triesMax, triesUnasked }: Machine["loader"],
  { tries, isTriesNamed = false }: UpgradeRequest,
): number {
  if (!isTriesNamed) return Math.min(tries, triesUnasked);
  if (tries <= triesMax) return tries;
  throw new TandemError(
    "usage",
    `Cannot give a new system ${tries} tries: boot loader ${name} counts to ${triesMax}`,
    { hint: "Leave --tries out." },
  );
}

/**
 * Gives the space of a new system back. A trial that was armed for it is taken back first, and is known by its file. What
 * cannot be done now is done by the next run.
 */
async function undoStaged({ machine, slot, talk }: Upgrade): Promise<void> {
  const { stage } = targetFor(machine, slot);
  if (stage === undefined) return;
  try {
    await machine.loader.repair();
    stage.remove();
  } catch (error) {
    talk.warn(`Cannot remove ${stage.path}: ${reasonOf(error)}, continuing`);
  }
}

function factsOf(machine: Machine, content: Content): Parameters<typeof planUpgrade>[0] {
  const { digest } = content;
  const { state } = machine.memory;
  const record = recordOf(machine);
  // Only in a dry run: it has recorded nothing.
  const fall = unrecordedFall(machine);
  const isOver = fall !== undefined || isConfirmed(machine);
  const good = isConfirmed(machine) ? (machine.booted ?? record.good) : record.good;
  return {
    record: isOver ? { ...record, good, trial: undefined } : record,
    booted: machine.booted,
    digest,
    digests: slotDigests(state),
    startable: SLOT_NAMES.filter((name) => machine.loader.startProblem(name) === undefined),
    knownBad:
      fall?.digest === digest
        ? fall.reason
        : state.knownBad.find((known) => known.digest === digest)?.reason,
    isStaged: machine.staging !== undefined,
    hasPassive:
      machine.slots.passive !== undefined &&
      machine.loader.startProblem("passive") === undefined &&
      verdictOn(state.slots.passive)?.result !== "bad",
    slots: SLOT_NAMES.filter((name) => machine.slots[name] !== undefined),
  };
}

/** Something other than a hook of tandem has confirmed the running trial, and nothing has recorded that yet. */
function isConfirmed({ loader }: Machine): boolean {
  return loader.confirmation?.() !== undefined;
}

interface Announced {
  readonly machine: Machine;
  readonly content: Content;
}

/** Tells the user what comes next, and refuses an image that cannot fit or boot. */
function announce(
  { talk }: Work,
  { slot, steps }: Extract<Plan, { kind: "upgrade" }>,
  { machine, content }: Announced,
): void {
  const { name, digest, amount } = content;
  const target = machine.slots[slot];
  if (target === undefined)
    throw new TandemError("disk", `Cannot upgrade: ${machine.diskPath} has no slot ${slot}`);
  if (content.parts === 0)
    throw new TandemError("content", `Cannot boot ${name}: the image has no layers`);
  // The file of a staged system is made as large as it has to be.
  if (machine.staging === undefined)
    refuseLarger(content, { name: `slot ${slot}`, sizeBytes: target.sizeBytes });
  // Refuse now: an upgrade may take an hour before it reaches the boot loader.
  machine.loader.refuseReadOnly();
  const isReused = steps.some(({ kind }) => kind === "compare");
  const what = isReused ? `which slot ${slot} holds: nothing to fetch` : amount;
  talk.info(`Image ${name} is ${digest}, ${what}`);
}
