import * as v from "valibot";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";

/** The layout of the JSON. A state with another number was made by a newer tandem. */
export const STATE_VERSION = 1;
/** Of images that did not prove themselves, the latest so many are remembered. */
export const KNOWN_BAD_MAX = 32;
export const HISTORY_MAX = 64;
/** Each comes with output: enough for every slot of a machine that lost them all. */
export const FALLS_MAX = 4;
/** Blocks of 4 KiB in 16 TiB, the most an ext4 of 32-bit block numbers has. */
const BLOCKS_MAX = 2 ** 32;

const time = v.pipe(v.string(), v.isoTimestamp());
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const slotName = v.picklist(SLOT_NAMES);

const verdictSchema = v.object({
  result: v.picklist(["good", "bad"]),
  reason: v.string(),
  at: time,
  /** The last lines that failed checks printed. */
  output: v.exactOptional(v.string()),
});

const run = v.pipe(
  v.tuple([size, v.pipe(size, v.minValue(1))]),
  v.check(([first, blocks]) => first + blocks <= BLOCKS_MAX, "a run ends beyond the last block"),
);

const image = { source: v.string(), digest: v.string() };

const slotStateSchema = v.variant("status", [
  /** Nothing that boots: new, or wiped. */
  v.object({ status: v.literal("empty") }),
  /** Filled by other means than tandem: boots, but cannot be verified. */
  v.object({ status: v.literal("unknown"), verdict: v.exactOptional(verdictSchema) }),
  /** An upgrade began and has not ended: not usable. */
  v.object({ status: v.literal("writing"), ...image, startedAt: time }),
  v.object({
    status: v.literal("written"),
    ...image,
    /** From the image's os-release, for people. */
    version: v.exactOptional(v.string()),
    writtenAt: time,
    /** Of the file system. */
    sizeBytes: size,
    hashRoot: v.string(),
    runs: v.array(run),
    label: v.string(),
    uuid: v.string(),
    kernel: v.object({
      kernel: v.string(),
      initrd: v.exactOptional(v.string()),
      options: v.string(),
    }),
    /** When the medium was last found to hold what was written. Absent: never, so it must not boot. */
    verifiedAt: v.exactOptional(time),
    verdict: v.exactOptional(verdictSchema),
  }),
]);

const knownBadSchema = v.object({ digest: v.string(), reason: v.string(), at: time });

const eventSchema = v.object({
  at: time,
  kind: v.picklist([
    "install",
    "upgrade",
    "written",
    "armed",
    "disarmed",
    "rollback",
    "good",
    "bad",
    "fell",
    "verify",
    "failed",
  ]),
  slot: v.exactOptional(slotName),
  digest: v.exactOptional(v.string()),
  text: v.string(),
  /** The last lines that failed checks printed. */
  output: v.exactOptional(v.string()),
});

/** How a system was given up. Bounded: it has to fit beside everything else. */
const fallSchema = v.object({
  at: time,
  slot: slotName,
  /**
   * How far it came: its kernel could not be loaded; it used up its boots and user space never reported; its checks failed; as the
   * good slot it used up its limit; a person gave it up.
   */
  stage: v.picklist(["kernel", "silent", "checks", "limit", "hand"]),
  reason: v.string(),
  digest: v.exactOptional(v.string()),
  version: v.exactOptional(v.string()),
  /** The record by which it was booted. */
  gen: v.exactOptional(size),
  /** Boots it was given. */
  tries: v.exactOptional(size),
  armedAt: v.exactOptional(time),
  /** The last lines that its failed checks printed. */
  output: v.exactOptional(v.string()),
  /** The last lines its kernel left when it panicked. */
  kernel: v.exactOptional(v.string()),
});

/** Of dumps that a firmware may hold, so many are told apart. */
export const DUMPS_MAX = 64;

export const stateSchema = v.object({
  version: v.literal(STATE_VERSION),
  slots: v.object({ a: slotStateSchema, b: slotStateSchema, recovery: slotStateSchema }),
  /** Oldest first, as the history. */
  knownBad: v.pipe(v.array(knownBadSchema), v.maxLength(KNOWN_BAD_MAX)),
  history: v.pipe(v.array(eventSchema), v.maxLength(HISTORY_MAX)),
  /** The last times that a system was given up, oldest first. */
  falls: v.exactOptional(v.pipe(v.array(fallSchema), v.maxLength(FALLS_MAX))),
  /** The dumps of dying kernels that were there when the last trial was armed, by their hashes: those are not of the trial. */
  dumps: v.exactOptional(v.pipe(v.array(v.string()), v.maxLength(DUMPS_MAX))),
});

/** What tandem remembers. */
export type State = v.InferOutput<typeof stateSchema>;
export type SlotState = v.InferOutput<typeof slotStateSchema>;
export type WrittenSlot = Extract<SlotState, { status: "written" }>;
export type Verdict = v.InferOutput<typeof verdictSchema>;
export type KnownBad = v.InferOutput<typeof knownBadSchema>;
export type Fall = v.InferOutput<typeof fallSchema>;
export type Event = v.InferOutput<typeof eventSchema>;
export type EventKind = Event["kind"];

/** Of a new disk, with nothing in its slots. */
export function emptyState(): State {
  return stateOf({ status: "empty" });
}

/** Of a disk whose state is lost: there may be systems in its slots. */
export function unknownState(): State {
  return stateOf({ status: "unknown" });
}

function stateOf(slot: SlotState): State {
  const slots = { a: slot, b: slot, recovery: slot };
  return { version: STATE_VERSION, slots, knownBad: [], history: [] };
}

export function withSlot(state: State, slot: SlotName, slotState: SlotState): State {
  return { ...state, slots: { ...state.slots, [slot]: slotState } };
}

/** Forgets the oldest event when there is no room. */
export function withEvent(state: State, event: Event): State {
  return { ...state, history: [...state.history, event].slice(-HISTORY_MAX) };
}

/** Forgets the oldest fall when there is no room. */
export function withFall(state: State, fall: Fall): State {
  return { ...state, falls: [...(state.falls ?? []), fall].slice(-FALLS_MAX) };
}

/** A digest is listed once, with its latest reason; the oldest is forgotten when there is no room. */
export function withKnownBad(state: State, bad: KnownBad): State {
  const others = state.knownBad.filter(({ digest }) => digest !== bad.digest);
  return { ...state, knownBad: [...others, bad].slice(-KNOWN_BAD_MAX) };
}

/** For the operator who wants to try an image again. */
export function withoutKnownBad(state: State, digest: string): State {
  return { ...state, knownBad: state.knownBad.filter((bad) => bad.digest !== digest) };
}

/** Sets the verdict of a slot that has something to judge. */
export function withVerdict(state: State, slot: SlotName, verdict: Verdict): State {
  const before = state.slots[slot];
  switch (before.status) {
    case "empty":
    case "writing":
      return state;
    case "unknown":
    case "written":
      return withSlot(state, slot, { ...before, verdict });
  }
}

/** The slots that may be fallen into: what they hold was verified in place, or booted well, and was not found bad. */
export function bootableSlots(state: State): SlotName[] {
  return SLOT_NAMES.filter((name) => isBootable(state.slots[name]));
}

/**
 * The slots that must not be fallen into: nothing whole is in them, or it was found bad. Of what others have put into a slot nothing is
 * known, which is no reason.
 */
export function unfitSlots(state: State): SlotName[] {
  const bootable = bootableSlots(state);
  return SLOT_NAMES.filter((name) => {
    const slot = state.slots[name];
    const isForeign = slot.status === "unknown" && slot.verdict === undefined;
    return !isForeign && !bootable.includes(name);
  });
}

export function isBootable(slot: SlotState): boolean {
  switch (slot.status) {
    case "empty":
    case "writing":
      return false;
    case "unknown":
      return slot.verdict?.result === "good";
    case "written":
      return slot.verifiedAt !== undefined && slot.verdict?.result !== "bad";
  }
}
