import { bootFiles } from "../boot/image/boot-files.ts";
import type { BootFile } from "../boot/bootloader.ts";
import { armTrial, attach, detach, disarm } from "../control/decide.ts";
import { withEvent, withoutKnownBad, withSlot } from "../control/state.ts";
import { hashRoot } from "../disk/hash-root.ts";
import { readBack } from "../disk/read-back.ts";
import { runsOf } from "../disk/run.ts";
import { readChunks } from "../ext4/read.ts";
import { identityOf } from "../ext4/identity.ts";
import { defined } from "../lib/assert.ts";
import type { Talk } from "../lib/talk.ts";
import type { SlotName } from "../slot/slot.ts";
import { dumpHashes } from "../verdict/dumps.ts";
import { type ImageFinding, inspectImage } from "./inspect-image.ts";
import { limitedRecordOf, type Machine, note, policyOf, recordOf } from "../machine/machine.ts";
import { stateOf } from "../machine/new-disk.ts";
import type { Work } from "../machine/open-source.ts";
import { describeStep, type Step } from "./plan.ts";
import { settleFirst } from "./settle-first.ts";
import { isAsWritten } from "./verify.ts";
import type { Content } from "../write/content.ts";
import { interrupted, writeImage, type WrittenImage } from "../write/write-image.ts";

export interface Upgrade {
  readonly machine: Machine;
  readonly content: Content;
  readonly slot: SlotName;
  readonly jobs: number;
  readonly talk: Talk;
  readonly signal: AbortSignal;
}

interface Verified {
  readonly at: string;
  readonly hashRoot: string;
}

/** The results of steps, for the steps that follow. */
interface StepResults {
  written?: WrittenImage<ImageFinding>;
  verified?: Verified;
}

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
  const { machine, slot } = upgrade;
  // Hold the slot from the first step to the last, so that no program mounts it between two steps.
  const hold = steps.some(({ kind }) => kind === "erase")
    ? machine.openSlot(slot, { write: true }).block
    : undefined;
  try {
    return await performAll(upgrade, steps);
  } finally {
    hold?.close();
  }
}

async function performAll(upgrade: Upgrade, steps: readonly Step[]): Promise<UpgradeResult> {
  const progress: StepResults = {};
  const seconds: Record<string, number> = {};
  for (const step of steps) {
    interrupted(upgrade.signal);
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

function workOf({ machine, talk, signal }: Upgrade): Work {
  return { system: machine.system, talk, signal };
}

async function perform(upgrade: Upgrade, step: Step, progress: StepResults): Promise<void> {
  switch (step.kind) {
    case "disarm":
      return disarmTrial(upgrade, step.trial);
    case "detach":
      return detachSlot(upgrade);
    case "compare":
      return;
    case "settle":
      return settleFirst(upgrade.machine, step.slot, upgrade.content.digest);
    case "erase":
      return erase(upgrade);
    case "write":
      progress.written = await write(upgrade);
      return;
    case "read-back":
      progress.verified = await compare(upgrade, progress);
      return;
    case "describe":
      return describe(upgrade, progress);
    case "arm":
      return arm(upgrade, step.tries);
    case "attach":
      return attachSlot(upgrade);
    case "reboot":
      // The caller reboots, after it has released the lock and printed the result.
      return;
  }
}

async function disarmTrial({ machine }: Upgrade, trial: SlotName): Promise<void> {
  await machine.loader.commit(disarm(limitedRecordOf(machine)));
  await note(machine, { kind: "disarmed", slot: trial, text: "another upgrade begins" });
}

async function detachSlot({ machine, slot }: Upgrade): Promise<void> {
  const next = detach(recordOf(machine), slot, policyOf(machine));
  if (next !== undefined) await machine.loader.commit(next);
}

/** Writes the state first: from then on the slot counts as unusable, whatever happens to it. */
async function erase({ machine, slot, content }: Upgrade): Promise<void> {
  const { memory, loader, system } = machine;
  const startedAt = system.now().toISOString();
  const writing = {
    status: "writing",
    source: content.name,
    digest: content.digest,
    startedAt,
  } as const;
  await memory.writeState(withSlot(stateOf(machine), slot, writing));
  // A loader with its own copy of the kernel would start it on a root that is about to be erased.
  await loader.forget(slot);
  const target = machine.openSlot(slot, { write: true });
  try {
    target.block.write(0, new Uint8Array(4096));
    await target.block.flush();
  } finally {
    target.block.close();
  }
}

async function write(upgrade: Upgrade): Promise<WrittenImage<ImageFinding>> {
  const { machine, slot, content } = upgrade;
  const target = machine.openSlot(slot, { write: true });
  try {
    return await writeImage({
      ...upgrade,
      target,
      cores: machine.system.cores,
      identity: {
        uuid: identityOf(content.digest, slot),
        label: defined(machine.slots[slot], `slot ${slot}`).label,
        timeSeconds: content.timeSeconds,
      },
      withoutHoles: bootFiles,
      inspect: (tree) => inspectImage(tree, machine.system.architecture),
    });
  } finally {
    target.block.close();
  }
}

async function compare(
  { machine, slot, talk, signal }: Upgrade,
  { written }: StepResults,
): Promise<Verified> {
  const { ranges } = defined(written, "written image");
  const totalBytes = ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const target = machine.openSlot(slot, { write: false });
  try {
    const found = await readBack(target.block, ranges, {
      signal,
      debug: (text) => talk.debug(text),
      onProgress: (doneBytes) => talk.progress({ step: "Reading back", doneBytes, totalBytes }),
    });
    return { at: machine.system.now().toISOString(), hashRoot: hashRoot(found) };
  } finally {
    target.block.close();
  }
}

async function describe({ machine, slot, content }: Upgrade, progress: StepResults): Promise<void> {
  const { finding, ranges } = defined(progress.written, "written image");
  const verified = defined(progress.verified, "comparison");
  const { bootable, version } = finding;
  const { sizeBytes, label } = defined(machine.slots[slot], `slot ${slot}`);
  const { initrd } = bootable;
  await machine.memory.writeState(
    withSlot(machine.memory.state, slot, {
      status: "written",
      source: content.name,
      digest: content.digest,
      ...(version === undefined ? {} : { version }),
      writtenAt: machine.system.now().toISOString(),
      sizeBytes,
      hashRoot: verified.hashRoot,
      runs: runsOf(ranges).map(([first, blocks]) => [first, blocks]),
      label,
      uuid: identityOf(content.digest, slot),
      kernel: {
        kernel: bootable.kernel,
        options: bootable.options,
        ...(initrd === undefined ? {} : { initrd }),
      },
      verifiedAt: verified.at,
    }),
  );
  await prepare({ machine, slot, content }, progress);
}

/** Reads kernel and initrd from the slot, which was just compared with what was written. */
async function prepare(
  { machine, slot, content }: Pick<Upgrade, "machine" | "slot" | "content">,
  { written }: StepResults,
): Promise<void> {
  const { bootable, files } = defined(written, "written image").finding;
  const { address } = defined(machine.slots[slot], `slot ${slot}`);
  const { block } = machine.openSlot(slot, { write: false });
  const fileOf = (path: string): BootFile => {
    const node = defined(files.get(path), path);
    return { path, sizeBytes: node.sizeBytes, read: () => readChunks(block, node) };
  };
  const { kernel, initrd } = bootable;
  try {
    await machine.loader.prepare(
      slot,
      { ...bootable, address, digest: content.digest },
      { kernel: fileOf(kernel), initrd: initrd === undefined ? undefined : fileOf(initrd) },
    );
  } finally {
    block.close();
  }
}

/**
 * The commit point of an upgrade. The event is written before it, because a power cut could lose a write that follows.
 */
async function arm({ machine, slot, content }: Upgrade, tries: number): Promise<void> {
  const { memory, loader, system } = machine;
  const { digest } = content;
  const state = withoutKnownBad(machine.memory.state, digest);
  const at = system.now().toISOString();
  const event = { at, kind: "armed", slot, digest, text: `${tries} tries` } as const;
  await memory.writeState({ ...withEvent(state, event), dumps: dumpHashes(system.files) });
  await loader.commit(armTrial(limitedRecordOf(machine), slot, tries));
}

/** The commit point of an upgrade of the recovery slot. */
async function attachSlot({ machine, slot, content }: Upgrade): Promise<void> {
  const { memory, loader, system } = machine;
  const { digest } = content;
  const state = withoutKnownBad(memory.state, digest);
  const at = system.now().toISOString();
  const event = { at, kind: "written", slot, digest, text: "the last resort" } as const;
  await memory.writeState(withEvent(state, event));
  await loader.commit(attach(recordOf(machine), slot, policyOf(machine)));
}
