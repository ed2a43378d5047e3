import type { BootRecord } from "../control/record.ts";
import type { Event, KnownBad, SlotState } from "../control/state.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import { type Machine } from "./machine.ts";

export interface SlotReport {
  readonly slot: SlotName;
  /** What it is for the boot loader now. */
  readonly role: "good" | "trial" | "last" | "passive";
  readonly booted: boolean;
  readonly status: SlotState["status"];
  readonly version?: string;
  readonly digest?: string;
  readonly source?: string;
  readonly writtenAt?: string;
  readonly verifiedAt?: string;
  readonly verdict?: "good" | "bad";
  readonly reason?: string;
}

export interface Status {
  readonly disk: string;
  readonly booted: SlotName | undefined;
  /** Boots that were left after this one, as the boot loader counted. */
  readonly left: number | undefined;
  /** The trial that the boot loader gave up on before this boot. */
  readonly fell: SlotName | undefined;
  /** This boot was not counted, since the loader's scratch file could not be written. */
  readonly uncounted: boolean;
  /** undefined: both copies are lost. */
  readonly record: BootRecord | undefined;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  readonly slots: readonly SlotReport[];
  readonly knownBad: readonly KnownBad[];
  readonly history: readonly Event[];
}

/** What is in each slot, what boots next, and what happened. **Writes nothing.** */
export function statusOf(machine: Machine): Status {
  const { control, cmdline, booted } = machine;
  const { state } = control;
  const { record } = control;
  return {
    disk: machine.diskPath,
    booted,
    left: booted === undefined ? undefined : cmdline.left,
    fell: booted === undefined ? undefined : cmdline.fell,
    uncounted: booted !== undefined && cmdline.uncounted,
    record,
    problems:
      record === undefined || control.stateProblems.length === 2
        ? [...control.recordProblems, ...control.stateProblems]
        : [],
    slots: SLOT_NAMES.filter((name) => machine.slots[name] !== undefined).map((slot) => ({
      slot,
      role: roleOf(slot, record),
      booted: slot === booted,
      ...contentsOf(state.slots[slot]),
    })),
    knownBad: state.knownBad,
    history: state.history,
  };
}

function roleOf(slot: SlotName, record: BootRecord | undefined): SlotReport["role"] {
  if (slot === record?.good) return "good";
  if (slot === record?.trial) return "trial";
  return slot === record?.last ? "last" : "passive";
}

function contentsOf(held: SlotState): Omit<SlotReport, "slot" | "role" | "booted"> {
  switch (held.status) {
    case "empty":
      return { status: held.status };
    case "writing":
      return { status: held.status, source: held.source, digest: held.digest };
    case "unknown":
      return { status: held.status, ...verdictOf(held) };
    case "written": {
      const { status, version, digest, source, writtenAt, verifiedAt } = held;
      return {
        status,
        digest,
        source,
        writtenAt,
        ...(version === undefined ? {} : { version }),
        ...(verifiedAt === undefined ? {} : { verifiedAt }),
        ...verdictOf(held),
      };
    }
  }
}

function verdictOf({
  verdict,
}: Extract<SlotState, { status: "unknown" | "written" }>): Pick<SlotReport, "verdict" | "reason"> {
  return verdict === undefined ? {} : { verdict: verdict.result, reason: verdict.reason };
}
