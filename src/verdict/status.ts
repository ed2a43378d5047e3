import type { Memory } from "../control/memory.ts";
import type { BootRecord } from "../control/record.ts";
import { type NextBoot, nextBoot } from "../control/next-boot.ts";
import {
  bootableSlots,
  type Event,
  type Fall,
  type KnownBad,
  type SlotState,
  type State,
  verdictOn,
} from "../control/state.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { isNewDisk, stateOf } from "../machine/new-disk.ts";

export interface SlotReport {
  readonly slot: SlotName;
  /** The role of the slot in the boot record. */
  readonly role: "good" | "trial" | "last" | "passive";
  readonly booted: boolean;
  /** The status in the state. A newer tandem may have other statuses. */
  readonly status: string;
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
  /** No system was ever installed on the disk. */
  readonly noSystem: boolean;
  readonly booted: SlotName | undefined;
  /** Boots that the booted slot has left after this one, as the boot loader has counted. */
  readonly left: number | undefined;
  /** The trial that the boot loader has given up before this boot. */
  readonly fell: SlotName | undefined;
  readonly loader: {
    readonly name: string;
    /** How the boot loader was recognised. */
    readonly seen: string;
  };
  /** What alone confirms a boot of the running system, because no hook of tandem gives verdicts. */
  readonly confirmedBy: string | undefined;
  /** The loader could not count this boot, because it could not write its count. */
  readonly uncounted: boolean;
  /** Undefined on a new disk, and when both copies are lost. */
  readonly record: BootRecord | undefined;
  /** What the boot loader starts next. Undefined for its menu, and without a boot record. */
  readonly next: NextBoot | undefined;
  /** The problems, one line each. */
  readonly problems: readonly string[];
  readonly slots: readonly SlotReport[];
  /** The last fall, while the system that was given up is still in its slot. */
  readonly fall: Fall | undefined;
  readonly knownBad: readonly KnownBad[];
  readonly history: readonly Event[];
}

/** What is in each slot, what boots next, and what happened. **Writes nothing.** */
export function statusOf(machine: Machine): Status {
  const { loaderData, cmdline, booted } = machine;
  const state = stateOf(machine);
  const { record } = loaderData;
  const noSystem = isNewDisk(machine);
  return {
    disk: machine.diskPath,
    noSystem,
    booted,
    left: booted === undefined ? undefined : cmdline.left,
    fell: booted === undefined ? undefined : cmdline.fell,
    loader: { name: machine.loader.name, seen: machine.loaderSeen },
    confirmedBy: booted === undefined ? undefined : machine.loader.confirmedBy,
    uncounted: booted !== undefined && cmdline.uncounted,
    record,
    next: nextOf(machine),
    problems: noSystem ? [] : problemsOf(machine),
    slots: SLOT_NAMES.filter((name) => machine.slots[name] !== undefined).map((slot) => ({
      slot,
      role: roleOf(slot, record),
      booted: slot === booted,
      ...contentsOf(state.slots[slot]),
    })),
    fall: fallIn(state),
    knownBad: state.knownBad,
    history: state.history,
  };
}

/** What the boot loader starts next, as far as the counts of this boot say. */
export function nextOf({ loaderData, memory, cmdline, booted }: Machine): NextBoot | undefined {
  const { record } = loaderData;
  const { state } = memory;
  if (record === undefined) return undefined;
  const { gen, left, fell, gaveUp } = cmdline;
  const boot =
    booted === undefined ? undefined : { slot: booted, gen, left, fell, gaveUp: gaveUp?.slot };
  return nextBoot(record, boot, bootableSlots(state));
}

function fallIn({ falls = [], slots }: State): Fall | undefined {
  const fall = falls.at(-1);
  if (fall === undefined) return undefined;
  const { digest, verdict } = contentsOf(slots[fall.slot]);
  return verdict === "bad" && digest === fall.digest ? fall : undefined;
}

function problemsOf({ loaderData, memory, loader }: Machine): string[] {
  const isLost = loaderData.record === undefined || memory.stateProblems.length === 2;
  const lost = isLost ? [...loaderData.recordProblems, ...memory.stateProblems] : [];
  const unfinished = loader.unfinished();
  return [...lost, ...[newerOf(memory), unfinished].filter((one) => one !== undefined)];
}

/** Says that a newer tandem has made the state. Undefined when it has not. */
export function newerOf({ newerVersion }: Memory): string | undefined {
  return newerVersion === undefined
    ? undefined
    : `the state has version ${newerVersion}, of a newer tandem: it stays as it is, and what this one remembers is kept beside it`;
}

function roleOf(slot: SlotName, record: BootRecord | undefined): SlotReport["role"] {
  if (slot === record?.good) return "good";
  if (slot === record?.trial) return "trial";
  return slot === record?.last ? "last" : "passive";
}

function contentsOf(slot: SlotState): Omit<SlotReport, "slot" | "role" | "booted"> {
  switch (slot.status) {
    case "empty":
      return { status: slot.status };
    case "writing":
      return { status: slot.status, source: slot.source, digest: slot.digest };
    case "unknown":
      return { status: slot.status, ...verdictOf(slot) };
    case "other":
      return { status: slot.raw.status, ...verdictOf(slot) };
    case "written": {
      const { status, version, digest, source, writtenAt, verifiedAt } = slot;
      return {
        status,
        digest,
        source,
        writtenAt,
        ...(version === undefined ? {} : { version }),
        ...(verifiedAt === undefined ? {} : { verifiedAt }),
        ...verdictOf(slot),
      };
    }
  }
}

function verdictOf(slot: SlotState): Pick<SlotReport, "verdict" | "reason"> {
  const verdict = verdictOn(slot);
  return verdict === undefined ? {} : { verdict: verdict.result, reason: verdict.reason };
}
