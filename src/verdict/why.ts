import { failingOf } from "../control/failing.ts";
import type { Event, Fall, SlotState, State, Stage } from "../control/state.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { nextOf } from "./status.ts";

export interface Moment {
  /** By the clock of the machine, which may have been wrong. Absent: it was not noted. */
  readonly at?: string;
  readonly text: string;
}

export interface Why {
  readonly disk: string;
  /**
   * What it is about: a system that was given up, a slot that was never finished, one that fails its checks, or
   * nothing.
   */
  readonly about: "fall" | "unfinished" | "failing" | "nothing";
  readonly slot: SlotName | undefined;
  /** The fall itself, with what was printed. */
  readonly fall: Fall | undefined;
  /** How the checks of the system that runs failed, if they did so last, with what they printed. */
  readonly failing: Event | undefined;
  /** In order. */
  readonly story: readonly Moment[];
  /** Where the machine is now. */
  readonly now: readonly string[];
  /** What can be done. */
  readonly advice: readonly string[];
}

/** The story of the last fall, of an upgrade that was not finished, or of checks that fail. **Writes nothing.** */
export function whyOf(machine: Machine): Why {
  const { state } = machine.memory;
  const failing = failingIn(machine);
  const base = { disk: machine.diskPath, now: placeOf(machine), fall: undefined, failing };
  const slot = SLOT_NAMES.find((name) => state.slots[name].status === "writing");
  if (slot !== undefined)
    return {
      ...base,
      about: "unfinished",
      slot,
      story: storyOfUnfinished(state, slot),
      advice: [`Slot ${slot} cannot be booted. Run the upgrade again: it starts anew.`],
    };
  const fall = state.falls?.at(-1);
  if (fall === undefined) return { ...base, ...aboutChecks(failing) };
  const story = storyOfFall(state, fall);
  return { ...base, about: "fall", slot: fall.slot, fall, story, advice: adviceOn(state, fall) };
}

function failingIn({ booted, loaderData, memory }: Machine): Event | undefined {
  const slot = booted ?? loaderData.record?.good;
  return slot === undefined ? undefined : failingOf(memory.state, slot);
}

/** Nobody gave it up, so there is no story of it. */
function aboutChecks(failing: Event | undefined): Pick<Why, "about" | "slot" | "story" | "advice"> {
  const nothing = { slot: failing?.slot, story: [], advice: [] };
  if (failing === undefined) return { ...nothing, about: "nothing" };
  return { ...nothing, about: "failing", advice: [ADVICE.checks] };
}

function storyOfUnfinished(state: State, slot: SlotName): Moment[] {
  const held = state.slots[slot];
  const failed = state.history.findLast((event) => event.kind === "failed" && event.slot === slot);
  const isThis = held.status === "writing" && failed?.digest === held.digest;
  return [
    ...(held.status === "writing"
      ? [
          {
            at: held.startedAt,
            text: `slot ${slot} was to be given ${held.digest} from ${held.source}`,
          },
        ]
      : []),
    failed !== undefined && isThis
      ? { at: failed.at, text: failed.text }
      : { text: "it ended before the end, without a word: the power failed, or it was killed" },
  ];
}

/** From the arming to what was done about it. Slots that fell by the same record belong to one story. */
function storyOfFall({ history, falls = [] }: State, last: Fall): Moment[] {
  const together = falls.filter((fall) => fall.gen !== undefined && fall.gen === last.gen);
  const all = together.includes(last) ? together : [last];
  return all.flatMap((fall) => [
    ...armingOf(fall),
    ...history
      .filter((event) => isFailureOf(fall, event))
      .map(({ at, text }) => ({ at, text: `its checks failed: ${text}` })),
    {
      at: fall.at,
      text: `slot ${fall.slot} was given up: ${isStage(fall.stage) ? STAGE[fall.stage] : fall.stage} (${fall.reason})`,
    },
  ]);
}

/** A newer tandem may know more. */
function isStage(text: string): text is Stage {
  return Object.hasOwn(STAGE, text);
}

const STAGE: Readonly<Record<Stage, string>> = {
  kernel: "the boot loader could not load its kernel",
  silent: "nothing was heard of it: it panicked or hung before tandem health could report",
  checks: "it came up, and its checks failed",
  limit: "it was the good one and did not report any more",
  hand: "by hand",
};

function armingOf({ slot, armedAt, digest, version, tries, stage }: Fall): Moment[] {
  if (armedAt === undefined) return [];
  const what = version ?? digest ?? "what it held";
  const often = tries === undefined || stage === "limit" ? "" : `, ${tries} time(s) at most`;
  return [{ at: armedAt, text: `slot ${slot} with ${what} was to be tried${often}` }];
}

/** By the clock, which serves for a story: after the arming of that slot and not after its fall. */
function isFailureOf({ slot, armedAt, at }: Fall, event: Event): boolean {
  return (
    event.kind === "failed" &&
    event.slot === slot &&
    (armedAt === undefined || event.at >= armedAt) &&
    event.at <= at
  );
}

function placeOf(machine: Machine): string[] {
  const { booted, loaderData, memory } = machine;
  const { record } = loaderData;
  const { state } = memory;
  const next = nextOf(machine);
  const runs =
    booted === undefined
      ? "This machine does not run from this disk."
      : `Slot ${booted}${versionIn(state.slots[booted])} runs${booted === record?.good ? " and is the good one" : ""}.`;
  if (isNewDisk(machine)) return [runs, "There is no system on this disk yet."];
  if (record === undefined) return [runs, "Both copies of the boot record are lost."];
  return [runs, next === undefined ? "The boot menu comes next." : `Slot ${next.slot} boots next.`];
}

function versionIn(held: SlotState): string {
  return held.status === "written" && held.version !== undefined ? ` (${held.version})` : "";
}

function adviceOn({ knownBad, slots }: State, { stage, slot, digest, kernel }: Fall): string[] {
  const held = slots[slot];
  const isThere = held.status === "written" && held.digest === digest;
  const isRefused = knownBad.some((bad) => bad.digest === digest);
  return [
    ...(isThere && isStage(stage) ? [ADVICE[stage].replaceAll("SLOT", slot)] : []),
    ...(stage === "silent" && kernel === undefined
      ? ["Its kernel left no words in /sys/fs/pstore: a serial console shows them."]
      : []),
    ...(isRefused
      ? [
          "Upgrade to a mended image. This one is refused unless tandem upgrade is given --retry-bad.",
        ]
      : []),
  ];
}

const ADVICE: Readonly<Record<Stage, string>> = {
  kernel: "Run tandem verify SLOT to learn whether the medium still holds what was written.",
  silent: "Try the image where its console can be seen.",
  checks: "Look at what the failed checks printed.",
  limit: "Run tandem verify SLOT to learn whether it has rotted; an upgrade writes it anew.",
  hand: "An upgrade writes slot SLOT anew.",
};
