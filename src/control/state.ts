import * as v from "valibot";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";

/**
 * The layout of the JSON. A state with a higher number was made by a newer tandem. Within one number a newer tandem may add members,
 * statuses, kinds of events and stages, and keep longer lists: all of it is kept and written back (ARCHITECTURE.md, "Between versions").
 */
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

const verdictSchema = v.looseObject({
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

const knownSlotSchema = v.variant("status", [
  /** Nothing that boots: new, or wiped. */
  v.looseObject({ status: v.literal("empty") }),
  /** Filled by other means than tandem: boots, but cannot be verified. */
  v.looseObject({ status: v.literal("unknown"), verdict: v.exactOptional(verdictSchema) }),
  /** An upgrade began and has not ended: not usable. */
  v.looseObject({ status: v.literal("writing"), ...image, startedAt: time }),
  v.looseObject({
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
    kernel: v.looseObject({
      kernel: v.string(),
      initrd: v.exactOptional(v.string()),
      options: v.string(),
    }),
    /** When the medium was last found to hold what was written. Absent: never, so it must not boot. */
    verifiedAt: v.exactOptional(time),
    verdict: v.exactOptional(verdictSchema),
  }),
]);

/** A status that a newer tandem knows: kept as it is. Only its verdict is understood. */
const otherSlotSchema = v.pipe(
  v.looseObject({ status: v.string(), verdict: v.exactOptional(verdictSchema) }),
  v.transform((raw) => ({ status: "other" as const, raw })),
);

/** A slot in a state of a version that may have changed any status. */
export const anySlotSchema = v.union([knownSlotSchema, otherSlotSchema]);

const STATUSES: readonly string[] = ["empty", "unknown", "writing", "written"];

const slotStateSchema = v.lazy((slot) =>
  STATUSES.some((status) => v.is(v.looseObject({ status: v.literal(status) }), slot))
    ? knownSlotSchema
    : otherSlotSchema,
);

export const knownBadSchema = v.looseObject({ digest: v.string(), reason: v.string(), at: time });

export const eventSchema = v.looseObject({
  at: time,
  /** One of EventKind, or a newer tandem's. */
  kind: v.string(),
  slot: v.exactOptional(slotName),
  digest: v.exactOptional(v.string()),
  text: v.string(),
  /** The last lines that failed checks printed. */
  output: v.exactOptional(v.string()),
});

/** How a system was given up. Bounded: it has to fit beside everything else. */
export const fallSchema = v.looseObject({
  at: time,
  slot: slotName,
  /**
   * How far it came: its kernel could not be loaded; it used up its boots and user space never reported; its checks failed; as the
   * good slot it used up its limit; a person gave it up. Or as a newer tandem calls it.
   */
  stage: v.string(),
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
export const dumpsSchema = v.array(v.string());

export const stateSchema = v.looseObject({
  version: v.literal(STATE_VERSION),
  slots: v.looseObject({ a: slotStateSchema, b: slotStateSchema, recovery: slotStateSchema }),
  /** Oldest first, as the history. */
  knownBad: v.array(knownBadSchema),
  history: v.array(eventSchema),
  /** The last times that a system was given up, oldest first. */
  falls: v.exactOptional(v.array(fallSchema)),
  /** The dumps of dying kernels that were there when the last trial was armed, by their hashes: those are not of the trial. */
  dumps: v.exactOptional(dumpsSchema),
});

/** The members that are known: what else an object holds is carried along unseen. */
type Known<T> = T extends readonly unknown[]
  ? { [K in keyof T]: Known<T[K]> }
  : T extends object
    ? { [K in keyof T as string extends K ? never : K]: Known<T[K]> }
    : T;

/** What tandem remembers. */
export type State = Known<v.InferOutput<typeof stateSchema>>;
export type SlotState = Known<v.InferOutput<typeof slotStateSchema>>;
export type WrittenSlot = Extract<SlotState, { status: "written" }>;
export type Verdict = Known<v.InferOutput<typeof verdictSchema>>;
export type KnownBad = Known<v.InferOutput<typeof knownBadSchema>>;
export type Fall = Known<v.InferOutput<typeof fallSchema>>;
export type Stage = "kernel" | "silent" | "checks" | "limit" | "hand";
export type Event = Known<v.InferOutput<typeof eventSchema>>;
/** No more than these: tandem 0.1.0 forgets a state with a kind, a status or a stage that it does not know. */
export type EventKind =
  | "install"
  | "upgrade"
  | "written"
  | "armed"
  | "disarmed"
  | "rollback"
  | "good"
  | "bad"
  | "fell"
  | "verify"
  | "failed";
export type NewEvent = Event & { readonly kind: EventKind };
export type NewFall = Fall & { readonly stage: Stage };

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
export function withEvent(state: State, event: NewEvent): State {
  return { ...state, history: withNewest(state.history, event, HISTORY_MAX) };
}

/** Forgets the oldest fall when there is no room. */
export function withFall(state: State, fall: NewFall): State {
  return { ...state, falls: withNewest(state.falls ?? [], fall, FALLS_MAX) };
}

/** A digest is listed once, with its latest reason; the oldest is forgotten when there is no room. */
export function withKnownBad(state: State, bad: KnownBad): State {
  const others = state.knownBad.filter(({ digest }) => digest !== bad.digest);
  return { ...state, knownBad: withNewest(others, bad, KNOWN_BAD_MAX) };
}

/** A newer tandem may keep more: its list does not become shorter. */
function withNewest<T>(list: readonly T[], one: T, max: number): T[] {
  return [...list, one].slice(-Math.max(max, list.length));
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
    case "other":
      return withSlot(state, slot, { ...before, raw: { ...before.raw, verdict } });
  }
}

export function verdictOn(slot: SlotState): Verdict | undefined {
  switch (slot.status) {
    case "empty":
    case "writing":
      return undefined;
    case "unknown":
    case "written":
      return slot.verdict;
    case "other":
      return slot.raw.verdict;
  }
}

/** The slots that may be fallen into: what they hold was verified in place, or booted well, and was not found bad. */
export function bootableSlots(state: State): SlotName[] {
  return SLOT_NAMES.filter((name) => isBootable(state.slots[name]));
}

/**
 * The slots that must not be fallen into: nothing whole is in them, or it was found bad. Of what others or a newer tandem have put into
 * a slot nothing is known, which is no reason.
 */
export function unfitSlots(state: State): SlotName[] {
  const bootable = bootableSlots(state);
  return SLOT_NAMES.filter((name) => {
    const slot = state.slots[name];
    const isForeign = slot.status === "unknown" || slot.status === "other";
    return !(isForeign && verdictOn(slot) === undefined) && !bootable.includes(name);
  });
}

export function isBootable(slot: SlotState): boolean {
  switch (slot.status) {
    case "empty":
    case "writing":
      return false;
    case "unknown":
    case "other":
      return verdictOn(slot)?.result === "good";
    case "written":
      return slot.verifiedAt !== undefined && slot.verdict?.result !== "bad";
  }
}
