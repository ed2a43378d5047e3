/** The steps that change what boots. */
import { armStaged, armTrial, attach, detach, disarm } from "../control/decide.ts";
import { withEvent, withoutKnownBad } from "../control/state.ts";
import { defined } from "../lib/assert.ts";
import { limitedRecordOf, note, policyOf, recordOf } from "../machine/machine.ts";
import type { SlotName } from "../slot/slot.ts";
import { dumpHashes } from "../verdict/dumps.ts";
import type { Running } from "./running.ts";

export async function disarmTrial({ machine }: Running, trial: SlotName): Promise<void> {
  await machine.loader.commit(disarm(limitedRecordOf(machine)));
  await note(machine, { kind: "disarmed", slot: trial, text: "another upgrade begins" });
}

export async function detachSlot({ machine, slot }: Running): Promise<void> {
  const next = detach(recordOf(machine), slot, policyOf(machine));
  if (next !== undefined) await machine.loader.commit(next);
}

/**
 * The commit point of an upgrade. The event is written before it, because a power cut could lose a write that follows.
 */
export async function arm(
  { machine, slot, target, content, talk }: Running,
  tries: number,
): Promise<void> {
  const { memory, loader, system } = machine;
  const { digest } = content;
  const state = withoutKnownBad(machine.memory.state, digest);
  const at = system.now().toISOString();
  const event = { at, kind: "armed", slot, digest, text: `${tries} tries` } as const;
  await memory.writeState({ ...withEvent(state, event), dumps: dumpHashes(system.files) });
  const record = limitedRecordOf(machine);
  await loader.commit(
    target.stage === undefined ? armTrial(record, slot, tries) : armStaged(record, tries),
  );
  const contradiction = loader.contradiction?.();
  if (contradiction !== undefined) talk.warn(`${contradiction}, continuing`);
}

/**
 * Gives the new system its slot. It is armed already, so that a power cut never leaves a new system that boots again and
 * again. When the files cannot be changed, the caller takes the trial back.
 */
export async function promote(
  { machine, slot, target, content }: Running,
  keepPassive: boolean,
): Promise<void> {
  defined(target.stage, "stage").promote({ keepPassive });
  const { digest } = content;
  const text =
    slot === "active" ? "the new system has its slot" : "the new recovery system has its slot";
  await note(machine, { kind: "written", slot, digest, text });
}

/** The commit point of an upgrade of the recovery slot. */
export async function attachSlot({ machine, slot, content }: Running): Promise<void> {
  const { memory, loader, system } = machine;
  const { digest } = content;
  const state = withoutKnownBad(memory.state, digest);
  const at = system.now().toISOString();
  const event = { at, kind: "written", slot, digest, text: "the last resort" } as const;
  await memory.writeState(withEvent(state, event));
  await loader.commit(attach(recordOf(machine), slot, policyOf(machine)));
}
