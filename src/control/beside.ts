/**
 * Changes to a state that a newer tandem has made. An older tandem must not write that state, so it keeps its changes
 * beside it. Changes belong to one generation of the state. The newer tandem reads both, and its next write of the
 * state contains the changes.
 */
import * as v from "valibot";
import { KiB } from "../lib/units.ts";
import { SLOT_NAMES } from "../slot/slot.ts";
import { encodeEnvelope, fitting, openEnvelope } from "./state-copy.ts";
import {
  anySlotSchema,
  dumpsSchema,
  eachSlot,
  type Event,
  eventSchema,
  type Fall,
  fallSchema,
  type KnownBad,
  knownBadSchema,
  type SlotState,
  type State,
} from "./state.ts";

/** The size of each copy. The runs of a slot and a full history fit. */
export const BESIDE_BYTES = 32 * KiB;

/** The changes from one state to another. */
export interface Changes {
  /** The slots that have changed. */
  readonly slots: Readonly<Partial<Record<keyof State["slots"], SlotState>>>;
  /** Events that were added. */
  readonly history: readonly Event[];
  readonly falls: readonly Fall[];
  readonly knownBad: readonly KnownBad[];
  /** Digests that are no longer known as bad. */
  readonly forgiven: readonly string[];
  readonly dumps?: readonly string[];
}

export type BesideCopy =
  | {
      readonly generation: number;
      /** The generation of the state that the changes belong to. */
      readonly base: number;
      readonly changes: Changes;
    }
  | { readonly invalid: string };

const slot = v.exactOptional(anySlotSchema);
const besideSchema = v.looseObject({
  base: v.number(),
  slots: v.looseObject(eachSlot(() => slot)),
  history: v.array(eventSchema),
  falls: v.array(fallSchema),
  knownBad: v.array(knownBadSchema),
  forgiven: v.array(v.string()),
  dumps: v.exactOptional(dumpsSchema),
});

/** Whole blocks. Drops the oldest events when there is no room. Throws "disk" when that is not enough. */
export function encodeBeside(generation: number, base: number, changes: Changes): Uint8Array {
  return encodeEnvelope(generation, fitting({ ...changes, base }, BESIDE_BYTES));
}

/** Never throws. */
export function parseBeside(copy: Uint8Array): BesideCopy {
  const envelope = openEnvelope(copy);
  if ("invalid" in envelope) return envelope;
  const result = v.safeParse(besideSchema, envelope.json);
  if (!result.success) return { invalid: "it holds no changes" };
  return { generation: envelope.generation, base: result.output.base, changes: result.output };
}

/** The changes from `before` to `after`. */
export function changesOf(before: State, after: State): Changes {
  const changed = SLOT_NAMES.filter((name) => !same(before.slots[name], after.slots[name]));
  const isDumps = after.dumps !== undefined && !same(before.dumps, after.dumps);
  return {
    slots: Object.fromEntries(changed.map((name) => [name, after.slots[name]])),
    history: added(before.history, after.history),
    falls: added(before.falls ?? [], after.falls ?? []),
    knownBad: added(before.knownBad, after.knownBad),
    forgiven: before.knownBad
      .map(({ digest }) => digest)
      .filter((digest) => after.knownBad.every((bad) => bad.digest !== digest)),
    ...(isDumps ? { dumps: after.dumps } : {}),
  };
}

export function withChanges(state: State, changes: Changes): State {
  const { slots, history, falls, knownBad, forgiven, dumps } = changes;
  const gone = new Set([...forgiven, ...knownBad.map(({ digest }) => digest)]);
  return {
    ...state,
    slots: { ...state.slots, ...slots },
    history: [...state.history, ...history],
    falls: [...(state.falls ?? []), ...falls],
    knownBad: [...state.knownBad.filter(({ digest }) => !gone.has(digest)), ...knownBad],
    ...(dumps === undefined ? {} : { dumps: [...dumps] }),
  };
}

/** The output of failed checks is removed with the next failure, so an event without its output is not a new event. */
function added<T extends object>(before: readonly T[], after: readonly T[]): T[] {
  return after.filter((one) => !before.some((other) => same(bare(other), bare(one))));
}

function bare(one: object): object {
  return { ...one, output: undefined };
}

function same(one: unknown, other: unknown): boolean {
  return Bun.deepEquals(one, other);
}
