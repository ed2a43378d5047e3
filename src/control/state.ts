import * as v from "valibot";
import { isPartitionSlot, SLOT_NAMES, type SlotName } from "../slot/slot.ts";

/**
 * The version of the JSON. A newer tandem may use a higher one. With the same version a newer tandem may add members,
 * statuses, kinds of events and stages, and keep longer lists. This version keeps them and writes them back
 * (docs/control-partition.md, "Between versions").
 */
export const STATE_VERSION = 1;
/** The number of bad images that are remembered. */
export const KNOWN_BAD_MAX = 32;
export const HISTORY_MAX = 64;
/** Each fall has output. Four are enough for a machine that loses all its slots. */
export const FALLS_MAX = 4;
/** An ext4 with 32-bit block numbers has at most as many blocks of 4 KiB: 16 TiB. */
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
  /** The slot is new or was wiped: it holds nothing that boots. */
  v.looseObject({ status: v.literal("empty") }),
  /** Another program has filled the slot. It may boot, but cannot be verified. */
  v.looseObject({
    status: v.literal("unknown"),
    verdict: v.exactOptional(verdictSchema),
    /** Of its file system, in a layout with image files. */
    uuid: v.exactOptional(v.string()),
  }),
  /** An upgrade has begun and not ended: the slot cannot be used. */
  v.looseObject({ status: v.literal("writing"), ...image, startedAt: time }),
  v.looseObject({
    status: v.literal("written"),
    ...image,
    /** From the os-release file of the image, for people. */
    version: v.exactOptional(v.string()),
    writtenAt: time,
    /** The size of the slot. */
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
    /** When the slot was last read and found unchanged. Absent when it never was: then the slot must not boot. */
    verifiedAt: v.exactOptional(time),
    verdict: v.exactOptional(verdictSchema),
  }),
]);

/** A slot with a status of a newer tandem. It is kept as it is. Only its verdict is understood. */
const otherSlotSchema = v.pipe(
  v.looseObject({ status: v.string(), verdict: v.exactOptional(verdictSchema) }),
  v.transform((raw) => ({ status: "other" as const, raw })),
);

/** A slot of a state with another version, which may have changed any status. */
export const anySlotSchema = v.union([knownSlotSchema, otherSlotSchema]);

const STATUSES: readonly string[] = ["empty", "unknown", "writing", "written"];

/** A value for each slot of each layout. */
export function eachSlot<T>(valueOf: (name: SlotName) => T): Record<SlotName, T> {
  const [a, b, recovery] = [valueOf("a"), valueOf("b"), valueOf("recovery")];
  const [active, passive, transition] = [
    valueOf("active"),
    valueOf("passive"),
    valueOf("transition"),
  ];
  return { a, b, recovery, active, passive, transition };
}

const slotStateSchema = v.lazy((slot) =>
  STATUSES.some((status) => v.is(v.looseObject({ status: v.literal(status) }), slot))
    ? knownSlotSchema
    : otherSlotSchema,
);

/** The slots of a layout with image files. Tandem 0.3.0 does not write them, and no tandem writes them for partitions. */
const imageSlotSchema = v.optional(slotStateSchema, { status: "unknown" });

export const knownBadSchema = v.looseObject({ digest: v.string(), reason: v.string(), at: time });

export const eventSchema = v.looseObject({
  at: time,
  /** An EventKind, or a kind of a newer tandem. */
  kind: v.string(),
  slot: v.exactOptional(slotName),
  digest: v.exactOptional(v.string()),
  text: v.string(),
  /** The last lines that failed checks printed. */
  output: v.exactOptional(v.string()),
});

/** How a system was given up. */
export const fallSchema = v.looseObject({
  at: time,
  slot: slotName,
  /**
   * How far the system came. `kernel`: its kernel could not be loaded. `silent`: it used up its boots, and user space
   * never reported. `checks`: its checks failed. `limit`: it was the good slot and used up its limit. `hand`: a person
   * gave it up. Or a stage of a newer tandem.
   */
  stage: v.string(),
  reason: v.string(),
  digest: v.exactOptional(v.string()),
  version: v.exactOptional(v.string()),
  /** The generation of the record that started it. */
  gen: v.exactOptional(size),
  /** The number of boots that the record allowed. */
  tries: v.exactOptional(size),
  armedAt: v.exactOptional(time),
  /** The last lines that its failed checks printed. */
  output: v.exactOptional(v.string()),
  /** The last lines of its kernel's panic. */
  kernel: v.exactOptional(v.string()),
});

/** The number of kernel dumps that are remembered. */
export const DUMPS_MAX = 64;
export const dumpsSchema = v.array(v.string());

export const stateSchema = v.looseObject({
  version: v.literal(STATE_VERSION),
  slots: v.looseObject({
    a: slotStateSchema,
    b: slotStateSchema,
    recovery: slotStateSchema,
    active: imageSlotSchema,
    passive: imageSlotSchema,
    transition: imageSlotSchema,
  }),
  /** Oldest first, like the history. */
  knownBad: v.array(knownBadSchema),
  history: v.array(eventSchema),
  /** The last times that a system was given up, oldest first. */
  falls: v.exactOptional(v.array(fallSchema)),
  /** The hashes of the kernel dumps that existed when the last trial was armed. These dumps are not from the trial. */
  dumps: v.exactOptional(dumpsSchema),
});

/** A type with the known members only. Other members of an object are kept, but this version does not use them. */
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
/** Do not add any: tandem 0.1.0 discards a state with an unknown kind, status or stage. */
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

/** The state of a new disk: all partitions are empty. */
export function emptyState(): State {
  return stateOf((name) => ({ status: isPartitionSlot(name) ? "empty" : "unknown" }));
}

/** The state of a disk that has lost it: the slots may hold systems. */
export function unknownState(): State {
  return stateOf(() => ({ status: "unknown" }));
}

function stateOf(slotOf: (name: SlotName) => SlotState): State {
  return { version: STATE_VERSION, slots: eachSlot(slotOf), knownBad: [], history: [] };
}

export function withSlot(state: State, slot: SlotName, slotState: SlotState): State {
  return { ...state, slots: { ...state.slots, [slot]: slotState } };
}

/** Adds an event. Drops the oldest one when there is no room. */
export function withEvent(state: State, event: NewEvent): State {
  return { ...state, history: withNewest(state.history, event, HISTORY_MAX) };
}

/** Adds a fall. Drops the oldest one when there is no room. */
export function withFall(state: State, fall: NewFall): State {
  return { ...state, falls: withNewest(state.falls ?? [], fall, FALLS_MAX) };
}

/** Adds a bad image. Each digest is listed once, with its latest reason. Drops the oldest one when there is no room. */
export function withKnownBad(state: State, bad: KnownBad): State {
  const others = state.knownBad.filter(({ digest }) => digest !== bad.digest);
  return { ...state, knownBad: withNewest(others, bad, KNOWN_BAD_MAX) };
}

/** A newer tandem may keep a longer list, which is not shortened. */
function withNewest<T>(list: readonly T[], one: T, max: number): T[] {
  return [...list, one].slice(-Math.max(max, list.length));
}

/** Lets an image be tried again. */
export function withoutKnownBad(state: State, digest: string): State {
  return { ...state, knownBad: state.knownBad.filter((bad) => bad.digest !== digest) };
}

/** Sets the verdict of a slot, unless the slot is empty or being written. */
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

/**
 * The slots that the loader may fall back to: they were verified in place, or have booted well, and were not found bad.
 */
export function bootableSlots(state: State): SlotName[] {
  return SLOT_NAMES.filter((name) => isBootable(state.slots[name]));
}

/**
 * The slots that the loader must not fall back to: they hold no whole system, or one that was found bad. A slot that
 * another program or a newer tandem has filled is not among them, unless it has a verdict.
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
