import { withEvent, withSlot, type WrittenSlot } from "../control/state.ts";
import { readRoot } from "../disk/hash-root.ts";
import { withLabel } from "../ext4/with-label.ts";
import { runBytes } from "../disk/run.ts";
import { formatBytes } from "../lib/units.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import type { Work } from "../machine/open-source.ts";
import { about, type Finding } from "../lib/finding.ts";
import type { SlotContents, ContentsOfSlots } from "./contents.ts";
import { namedSlots } from "./named.ts";

/** Whether each slot still holds what the state says. */
export function checkSlots(machine: Machine, contents: ContentsOfSlots): Finding[] {
  return [...contents].map(([slot, found]) => checkSlot(machine, slot, found));
}

function checkSlot(machine: Machine, slot: SlotName, found: SlotContents): Finding {
  const { ok, warn } = about(`slot ${slot}`, "disk");
  const state = machine.memory.state.slots[slot];
  switch (state.status) {
    case "empty":
      return ok("empty");
    case "writing":
      return warn("an upgrade of it began and has not ended", {
        advice: "Run the upgrade again. Until then the slot is not booted.",
      });
    case "unknown":
      return checkUnknown(machine, slot, found);
    case "written":
      return checkWritten(machine, slot, { state, found });
    case "other":
      return ok(
        `a newer tandem gave it the status "${state.raw.status}", which this one does not know`,
      );
  }
}

function checkUnknown(machine: Machine, slot: SlotName, found: SlotContents): Finding {
  const { ok, warn, bad } = about(`slot ${slot}`, "disk");
  if (found.kind === "system")
    return ok(
      `holds ${found.version ?? "a system"}; what was written to it is not known, so it cannot be verified`,
    );
  const text = found.kind === "blank" ? "there is no file system in it" : found.why;
  const advice = "Upgrade to write it again.";
  return namedSlots(machine).includes(slot) && slot !== machine.booted
    ? bad(text, { advice })
    : warn(text, { advice });
}

function checkWritten(
  machine: Machine,
  slot: SlotName,
  { state, found }: { readonly state: WrittenSlot; readonly found: SlotContents },
): Finding {
  const { ok } = about(`slot ${slot}`, "disk");
  const flaw = flawOf(state, found);
  if (flaw !== undefined) return damaged(machine, slot, flaw);
  const { verdict } = state;
  const name = state.version ?? state.digest;
  if (state.verifiedAt === undefined)
    return damaged(machine, slot, "its bytes were found not to be those that were written");
  return ok(
    verdict?.result === "bad" ? `holds ${name}, found bad: ${verdict.reason}` : `holds ${name}`,
  );
}

/** A damaged slot is bad only if the boot record names it: any other is overwritten by the next upgrade. */
function damaged(machine: Machine, slot: SlotName, text: string): Finding {
  const { warn, bad } = about(`slot ${slot}`, "disk");
  const repair = unverify(machine, slot, text);
  const more = {
    advice: "Upgrade to write it again.",
    ...(repair === undefined ? {} : { repair }),
  };
  return namedSlots(machine).includes(slot) ? bad(text, more) : warn(text, more);
}

function flawOf({ uuid, label }: WrittenSlot, found: SlotContents): string | undefined {
  if (found.kind === "blank") return "its file system is gone";
  if (found.kind === "other") return found.why;
  if (found.uuid === uuid && found.label === label) return undefined;
  return `it holds file system ${found.uuid} "${found.label}", want ${uuid} "${label}"`;
}

/** Takes the mark of verification from the slot, so that the boot record must not name it. undefined: it has no mark, or the slot runs. */
function unverify(machine: Machine, slot: SlotName, why: string): Finding["repair"] {
  const state = machine.memory.state.slots[slot];
  if (state.status !== "written" || state.verifiedAt === undefined || slot === machine.booted)
    return undefined;
  const { verifiedAt: _, ...rest } = state;
  return {
    what: `note in the state that slot ${slot} is not what was written`,
    async run() {
      const { memory, system } = machine;
      const at = system.now().toISOString();
      const unverified = withSlot(memory.state, slot, rest);
      await memory.writeState(withEvent(unverified, { at, kind: "verify", slot, text: why }));
    },
  };
}

/** The hash root of each slot that was read. No repair writes to a slot, so each is read once. */
export type Roots = Map<SlotName, string>;

/** Reads all of each slot from the medium and compares it with what was written. Throws `interrupted`. */
export async function verifySlots(work: Work, machine: Machine, roots: Roots): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const slot of SLOT_NAMES) {
    const state = machine.memory.state.slots[slot];
    if (machine.slots[slot] === undefined || state.status !== "written") continue;
    const root = roots.get(slot) ?? (await rootOf(work, machine, { slot, state }));
    roots.set(slot, root);
    findings.push(checkRoot(machine, { slot, state }, root));
  }
  return findings;
}

interface WrittenInSlot {
  readonly slot: SlotName;
  readonly state: WrittenSlot;
}

function checkRoot(machine: Machine, { slot, state }: WrittenInSlot, root: string): Finding {
  const subject = `data of slot ${slot}`;
  if (root === state.hashRoot)
    return about(subject, "disk").ok(
      `${formatBytes(runBytes(state.runs))} are as they were written`,
    );
  return { ...damaged(machine, slot, "its bytes are not those that were written"), subject };
}

async function rootOf(
  { talk, signal }: Work,
  machine: Machine,
  { slot, state }: WrittenInSlot,
): Promise<string> {
  const totalBytes = runBytes(state.runs);
  const { block } = machine.openSlot(slot, { write: false });
  try {
    return await readRoot(withLabel(block, state.label), state.runs, {
      signal,
      debug: (text) => talk.debug(text),
      onProgress: (doneBytes) =>
        talk.progress({ step: `Reading slot ${slot}`, doneBytes, totalBytes }),
    });
  } finally {
    block.close();
  }
}
