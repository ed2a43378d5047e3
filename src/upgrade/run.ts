import type { SlotName } from "../slot/slot.ts";
import type { Work } from "../machine/open-source.ts";
import { interrupted } from "../write/write-image.ts";
import { arm, attachSlot, detachSlot, disarmTrial, promote } from "./boot-steps.ts";
import type { Running, StepResults, Upgrade } from "./running.ts";
import { settleFirst } from "./settle-first.ts";
import { runUserStage } from "./stage-steps.ts";
import { describeStep, type Step } from "./step.ts";
import { targetFor } from "./target.ts";
import { isAsWritten } from "./verify.ts";
import { allocate, compare, describe, erase, write } from "./write-steps.ts";

export interface UpgradeResult {
  readonly slot: SlotName;
  readonly digest: string;
  readonly version: string | undefined;
  readonly bytesWritten: number;
  readonly seconds: Readonly<Record<string, number>>;
}

/**
 * Performs the steps of a plan in their order. A power cut, a signal or an error at any moment leaves the booted slot
 * bootable (see the table in docs/power-cuts.md).
 */
export async function runUpgrade(upgrade: Upgrade, steps: readonly Step[]): Promise<UpgradeResult> {
  const target = targetFor(upgrade.machine, upgrade.slot);
  // Hold the slot from the first step to the last, so that no program mounts it between two steps.
  const hold = steps.some(({ kind }) => kind === "erase")
    ? target.open({ write: true }).block
    : undefined;
  try {
    return await performAll({ ...upgrade, target }, steps);
  } finally {
    hold?.close();
  }
}

async function performAll(upgrade: Running, steps: readonly Step[]): Promise<UpgradeResult> {
  const progress: StepResults = {};
  const seconds: Record<string, number> = {};
  let isArmed = false;
  for (const step of steps) {
    // A new system that is armed beside the others also gets its slot. Removing it in between would leave its trial.
    if (!isArmed || step.kind === "reboot") interrupted(upgrade.signal);
    if (step.kind === "arm") isArmed = upgrade.target.stage !== undefined;
    upgrade.talk.debug(`Step: ${describeStep(step)}`);
    upgrade.talk.progress({ step: `Working: ${describeStep(step)}` });
    const startMs = performance.now();
    if (
      step.kind === "compare" &&
      !(await isAsWritten(workOf(upgrade), upgrade.machine, step.slot))
    )
      return runUpgrade(upgrade, step.otherwise);
    await perform(upgrade, step, progress);
    seconds[step.kind] = (performance.now() - startMs) / 1000;
  }
  const { slot, content, machine } = upgrade;
  const slotState = machine.memory.state.slots[slot];
  const ranges = progress.written?.ranges ?? [];
  return {
    slot,
    digest: content.digest,
    version: slotState.status === "written" ? slotState.version : undefined,
    bytesWritten: ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    seconds: { ...seconds, ...progress.written?.seconds },
  };
}

function workOf({ machine, talk, signal }: Running): Work {
  return { system: machine.system, talk, signal };
}

type Perform<S extends Step> = (
  upgrade: Running,
  step: S,
  progress: StepResults,
) => void | Promise<void>;

const PERFORM: { readonly [K in Step["kind"]]: Perform<Extract<Step, { kind: K }>> } = {
  disarm: (upgrade, { trial }) => disarmTrial(upgrade, trial),
  detach: detachSlot,
  compare() {},
  settle: ({ machine, content }, { slot }) => settleFirst(machine, slot, content.digest),
  allocate,
  erase,
  async write(upgrade, _, progress) {
    progress.written = await write(upgrade);
  },
  async "read-back"(upgrade, _, progress) {
    progress.verified = await compare(upgrade, progress);
  },
  describe: (upgrade, _, progress) => describe(upgrade, progress),
  arm: (upgrade, { tries }) => arm(upgrade, tries),
  stage: (upgrade, { stage }, progress) => runUserStage(upgrade, stage, progress),
  promote: (upgrade, { keepPassive }) => promote(upgrade, keepPassive),
  attach: attachSlot,
  // The caller reboots, after it has released the lock and printed the result.
  reboot() {},
};

function perform<K extends Step["kind"]>(
  upgrade: Running,
  step: Extract<Step, { kind: K }> & { readonly kind: K },
  progress: StepResults,
): void | Promise<void> {
  return PERFORM[step.kind](upgrade, step, progress);
}
