import { failingOf } from "../control/failing.ts";
import type { Event, Fall, SlotState, State, Stage } from "../control/state.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import { isNewDisk } from "../machine/new-disk.ts";
import { nextOf } from "./status.ts";

export interface Moment {
  /** The time by the clock of the machine, which may have been wrong. Absent when it is not known. */
  readonly at?: string;
  readonly text: string;
}

export interface Why {
  readonly disk: string;
  /** The topic: a system that was given up, an upgrade that was not finished, checks that fail, or nothing. */
  readonly about: "fall" | "unfinished" | "failing" | "nothing";
  readonly slot: SlotName | undefined;
  /** The fall, with the output of checks and kernel. */
  readonly fall: Fall | undefined;
  /**
   * The last failure of the checks of the running system, with their output. Undefined when the checks have passed
   * since.
   */
  readonly failing: Event | undefined;
  /** The events in their order. */
  readonly story: readonly Moment[];
  /** What runs now, and what boots next. */
  readonly now: readonly string[];
  /** What the operator can do. */
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
      advice: [
        `Slot ${slot} cannot be booted. Run the upgrade again: it starts from the beginning.`,
      ],
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

/** No system was given up, so there is no story. */
function aboutChecks(failing: Event | undefined): Pick<Why, "about" | "slot" | "story" | "advice"> {
  const nothing = { slot: failing?.slot, story: [], advice: [] };
  if (failing === undefined) return { ...nothing, about: "nothing" };
  return { ...nothing, about: "failing", advice: [ADVICE.checks] };
}

function storyOfUnfinished(state: State, slot: SlotName): Moment[] {
  const slotState = state.slots[slot];
  const failed = state.history.findLast((event) => event.kind === "failed" && event.slot === slot);
  const isThis = slotState.status === "writing" && failed?.digest === slotState.digest;
  return [
    ...(slotState.status === "writing"
      ? [
          {
            at: slotState.startedAt,
            text: `slot ${slot} was to be given ${slotState.digest} from ${slotState.source}`,
          },
        ]
      : []),
    failed !== undefined && isThis
      ? { at: failed.at, text: failed.text }
      : {
          text: "the upgrade stopped without an error message: the power failed, or it was killed",
        },
  ];
}

/** From the start of the trial to the fall. Falls under the same boot record belong to one story. */
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

/** Whether this version knows the stage. A newer tandem may have others. */
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

/** Whether a failure belongs to a fall, by the time of day: after the start of the trial and not after the fall. */
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

function versionIn(slotState: SlotState): string {
  return slotState.status === "written" && slotState.version !== undefined
    ? ` (${slotState.version})`
    : "";
}

function adviceOn({ knownBad, slots }: State, { stage, slot, digest, kernel }: Fall): string[] {
  const slotState = slots[slot];
  const isThere = slotState.status === "written" && slotState.digest === digest;
  const isRefused = knownBad.some((bad) => bad.digest === digest);
  return [
    ...(isThere && isStage(stage) ? [ADVICE[stage].replaceAll("SLOT", slot)] : []),
    ...(stage === "silent" && kernel === undefined
      ? ["Its kernel left no words in /sys/fs/pstore: a serial console shows them."]
      : []),
    ...(isRefused
      ? [
          "Upgrade to a fixed image. This one is refused unless tandem upgrade is given --retry-bad.",
        ]
      : []),
  ];
}

const ADVICE: Readonly<Record<Stage, string>> = {
  kernel: "Run tandem verify SLOT to learn whether the medium still holds what was written.",
  silent: "Try the image where its console can be seen.",
  checks: "Look at what the failed checks printed.",
  limit: "Run tandem verify SLOT to learn whether it has rotted; an upgrade overwrites it.",
  hand: "An upgrade overwrites slot SLOT.",
};
