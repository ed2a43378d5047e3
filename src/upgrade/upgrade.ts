import { reasonOf, TandemError } from "../lib/error.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Source } from "../source/source.ts";
import { slotDigests, type Machine, note, recordOf } from "../machine/machine.ts";
import { jobsFor, sourceOf, type SourceRequest, type Work } from "../machine/open-source.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { reportFall, unrecordedFall } from "../verdict/mark.ts";
import { describeStep, type Plan, planFirst, planUpgrade, type UpgradeOptions } from "./plan.ts";
import { runUpgrade, type Upgrade, type UpgradeResult } from "./run.ts";
import { type Content, contentOf } from "../write/content.ts";
import { refuseLarger } from "../write/write-image.ts";

export interface UpgradeRequest extends UpgradeOptions, SourceRequest {
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
  // Before the plan: a trial that the boot loader has given up is no trial any more, and its image is known to be bad.
  if (!request.dryRun) await reportFall(work.talk, machine);
  const plan = isFirst ? planFirst(request) : planUpgrade(factsOf(machine, content), request);
  if (plan.kind === "nothing") return { outcome: "nothing", reason: plan.reason, digest };
  announce(work, plan, { machine, content });
  const steps = plan.steps.map((step) => describeStep(step));
  if (request.dryRun) {
    return { outcome: "planned", slot: plan.slot, digest, steps };
  }
  steps.forEach((step, index) => work.talk.info(`Plan ${index + 1}: ${step}`));
  const jobs = jobsFor(work.system, content.parts, request.jobs);
  const { talk, signal } = work;
  const upgrading = { machine, content, slot: plan.slot, jobs, talk, signal };
  try {
    const result = await runUpgrade(upgrading, plan.steps);
    if (isFirst) return { outcome: "installed", ...result };
    return plan.slot === "recovery"
      ? { outcome: "stored", ...result }
      : { outcome: "upgraded", tries: request.tries, ...result };
  } catch (error) {
    await noteFailure(upgrading, reasonOf(error));
    throw error;
  }
}

/**
 * Writes the failure of an upgrade to the state, when the slot was changed already. A failure of that is only a
 * warning.
 */
async function noteFailure({ machine, slot, content, talk }: Upgrade, text: string): Promise<void> {
  if (machine.memory.state.slots[slot].status !== "writing") return;
  try {
    await note(machine, { kind: "failed", slot, digest: content.digest, text });
  } catch (error) {
    talk.warn(`Cannot note that the upgrade failed: ${reasonOf(error)}, continuing`);
  }
}

function factsOf(machine: Machine, content: Content): Parameters<typeof planUpgrade>[0] {
  const { digest } = content;
  const { state } = machine.memory;
  const record = recordOf(machine);
  // Only in a dry run: it has recorded nothing.
  const fall = unrecordedFall(machine);
  return {
    record: fall === undefined ? record : { ...record, trial: undefined },
    booted: machine.booted,
    digest,
    digests: slotDigests(state),
    startable: SLOT_NAMES.filter((name) => machine.loader.startProblem(name) === undefined),
    knownBad:
      fall?.digest === digest
        ? fall.reason
        : state.knownBad.find((known) => known.digest === digest)?.reason,
  };
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
  refuseLarger(content, { name: `slot ${slot}`, sizeBytes: target.sizeBytes });
  // Refuse now: an upgrade may take an hour before it reaches the boot loader.
  machine.loader.refuseReadOnly();
  const isReused = steps.some(({ kind }) => kind === "compare");
  const what = isReused ? `which slot ${slot} holds: nothing to fetch` : amount;
  talk.info(`Image ${name} is ${digest}, ${what}`);
}
