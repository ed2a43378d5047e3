/**
 * What an older tandem remembers while the state is a newer one's, which it must not write: the changes to it. They lie beside the state
 * and count only for the generation that they were made to, so the newer tandem takes them over with its next write of the state.
 */
import * as v from "valibot";
import { KiB } from "../lib/units.ts";
import { SLOT_NAMES } from "../slot/slot.ts";
import { encodeEnvelope, fitting, openEnvelope } from "./state-copy.ts";
import {
  anySlotSchema,
  dumpsSchema,
  type Event,
  eventSchema,
  type Fall,
  fallSchema,
  type KnownBad,
  knownBadSchema,
  type SlotState,
  type State,
} from "./state.ts";

/** One of the two copies. A slot's runs and a full history have room. */
export const BESIDE_BYTES = 32 * KiB;

/** The changes from one state to another. */
export interface Changes {
  /** Only those that are other ones now. */
  readonly slots: Readonly<Partial<Record<keyof State["slots"], SlotState>>>;
  /** What was added. */
  readonly history: readonly Event[];
  readonly falls: readonly Fall[];
  readonly knownBad: readonly KnownBad[];
  /** Digests that are not known as bad any more. */
  readonly forgiven: readonly string[];
  readonly dumps?: readonly string[];
}

export type BesideCopy =
  | {
      readonly generation: number;
      /** The generation of the state that it belongs to. */
      readonly base: number;
      readonly changes: Changes;
    }
  | { readonly invalid: string };

const slot = v.exactOptional(anySlotSchema);
const besideSchema = v.looseObject({
  base: v.number(),
  slots: v.looseObject({ a: slot, b: slot, recovery: slot }),
  history: v.array(eventSchema),
  falls: v.array(fallSchema),
  knownBad: v.array(knownBadSchema),
  forgiven: v.array(v.string()),
  dumps: v.exactOptional(dumpsSchema),
});

/** Whole blocks. The oldest events go when there is no room; throws `disk` when that is not enough. */
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

/** What has to be remembered of `after` by whoever knows `before`. */
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

/** What failed checks printed is forgotten with the next failure: an event without it is no new one. */
function added<T extends object>(before: readonly T[], after: readonly T[]): T[] {
  return after.filter((one) => !before.some((other) => same(bare(other), bare(one))));
}

function bare(one: object): object {
  return { ...one, output: undefined };
}

function same(one: unknown, other: unknown): boolean {
  return Bun.deepEquals(one, other);
}
