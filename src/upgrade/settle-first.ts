import { settled } from "../control/decide.ts";
import { withEvent, withVerdict } from "../control/state.ts";
import type { SlotName } from "../slot/slot.ts";
import { type Machine, policyOf } from "../machine/machine.ts";

/**
 * The commit point of the first upgrade of a disk: the first boot record. The state calls the slot good only
 * afterwards, so a power cut before the commit leaves a new disk, on which the next upgrade starts again.
 */
export async function settleFirst(machine: Machine, slot: SlotName, digest: string): Promise<void> {
  const { memory, loader, system } = machine;
  await loader.commit(settled(slot, policyOf(machine)));
  const at = system.now().toISOString();
  const judged = withVerdict(memory.state, slot, { result: "good", reason: "installed", at });
  const event = { at, kind: "install", slot, digest, text: "the first system" } as const;
  await memory.writeState(withEvent(judged, event));
}
