import { withEvent, withSlot, type WrittenSlot } from "../control/state.ts";
import { readRoot } from "../disk/hash-root.ts";
import { runBytes } from "../disk/run.ts";
import { formatBytes } from "../lib/units.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import type { Work } from "../machine/open-source.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { Held, HeldSlots } from "./held.ts";
import { namedSlots } from "./named.ts";

/** Whether each slot still holds what the state says. */
export function checkSlots(machine: Machine, held: HeldSlots): Finding[] {
  return [...held].map(([slot, found]) => checkSlot(machine, slot, found));
}

function checkSlot(machine: Machine, slot: SlotName, found: Held): Finding {
  const { ok, warn } = about(`slot ${slot}`, "disk");
  const state = machine.memory.state.slots[slot];
  switch (state.status) {
    case "empty":
      return ok("empty");
    case "writing":
      return warn("an upgrade to it began and has not ended", {
        advice: "Run the upgrade again. Until then the slot is not booted.",
      });
    case "unknown":
      return checkUnknown(machine, slot, found);
    case "written":
      return checkWritten(machine, slot, { state, found });
    case "other":
      return ok(`a newer tandem has it as "${state.raw.status}", which this one does not know`);
  }
}

function checkUnknown(machine: Machine, slot: SlotName, found: Held): Finding {
  const { ok, warn, bad } = about(`slot ${slot}`, "disk");
  if (found.kind === "system")
    return ok(
      `holds ${found.version ?? "a system"}; what was written to it is not known, so it cannot be verified`,
    );
  const text = found.kind === "blank" ? "there is no file system in it" : found.why;
  const advice = "Upgrade to write it anew.";
  return namedSlots(machine).includes(slot) && slot !== machine.booted
    ? bad(text, { advice })
    : warn(text, { advice });
}

function checkWritten(
  machine: Machine,
  slot: SlotName,
  { state, found }: { readonly state: WrittenSlot; readonly found: Held },
): Finding {
  const { ok } = about(`slot ${slot}`, "disk");
  const flaw = flawOf(state, found);
  if (flaw !== undefined) return broken(machine, slot, flaw);
  const { verdict } = state;
  const name = state.version ?? state.digest;
  if (state.verifiedAt === undefined)
    return broken(machine, slot, "its bytes were found not to be those that were written");
  return ok(
    verdict?.result === "bad" ? `holds ${name}, found bad: ${verdict.reason}` : `holds ${name}`,
  );
}

/** A slot that nothing leads to may be broken: it is written anew anyway. */
function broken(machine: Machine, slot: SlotName, text: string): Finding {
  const { warn, bad } = about(`slot ${slot}`, "disk");
  const repair = distrust(machine, slot, text);
  const more = { advice: "Upgrade to write it anew.", ...(repair === undefined ? {} : { repair }) };
  return namedSlots(machine).includes(slot) ? bad(text, more) : warn(text, more);
}

function flawOf({ uuid, label }: WrittenSlot, found: Held): string | undefined {
  if (found.kind === "blank") return "its file system is gone";
  if (found.kind === "other") return found.why;
  if (found.uuid === uuid && found.label === label) return undefined;
  return `it holds file system ${found.uuid} "${found.label}", want ${uuid} "${label}"`;
}

/** The slot counts as not verified from then on, so that nothing may lead there. undefined: it does already, or it runs. */
function distrust(machine: Machine, slot: SlotName, why: string): Finding["repair"] {
  const held = machine.memory.state.slots[slot];
  if (held.status !== "written" || held.verifiedAt === undefined || slot === machine.booted)
    return undefined;
  const { verifiedAt: _, ...rest } = held;
  return {
    what: `remember that slot ${slot} is not what was written`,
    async run() {
      const { memory, system } = machine;
      const at = system.now().toISOString();
      const state = withSlot(memory.state, slot, rest);
      await memory.writeState(withEvent(state, { at, kind: "verify", slot, text: why }));
    },
  };
}

/** What each slot hashes to, once it was read: no repair writes to a slot, so once is enough. */
export type Roots = Map<SlotName, string>;

/** Reads all of each slot from its medium and compares it with what was written. Throws `interrupted`. */
export async function verifySlots(work: Work, machine: Machine, roots: Roots): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const slot of SLOT_NAMES) {
    const held = machine.memory.state.slots[slot];
    if (machine.slots[slot] === undefined || held.status !== "written") continue;
    const root = roots.get(slot) ?? (await rootOf(work, machine, { slot, held }));
    roots.set(slot, root);
    findings.push(checkRoot(machine, { slot, held }, root));
  }
  return findings;
}

interface WrittenInSlot {
  readonly slot: SlotName;
  readonly held: WrittenSlot;
}

function checkRoot(machine: Machine, { slot, held }: WrittenInSlot, root: string): Finding {
  const subject = `data of slot ${slot}`;
  if (root === held.hashRoot)
    return about(subject, "disk").ok(
      `${formatBytes(runBytes(held.runs))} are as they were written`,
    );
  return { ...broken(machine, slot, "its bytes are not those that were written"), subject };
}

async function rootOf(
  { talk, signal }: Work,
  machine: Machine,
  { slot, held }: WrittenInSlot,
): Promise<string> {
  const totalBytes = runBytes(held.runs);
  const { block } = machine.openSlot(slot, { write: false });
  try {
    return await readRoot(block, held.runs, {
      signal,
      debug: (text) => talk.debug(text),
      onProgress: (doneBytes) =>
        talk.progress({ step: `Reading slot ${slot}`, doneBytes, totalBytes }),
    });
  } finally {
    block.close();
  }
}
