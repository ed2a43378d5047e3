import * as v from "valibot";
import type { SlotName } from "../slot/slot.ts";
import {
  anySlotSchema,
  dumpsSchema,
  eachSlot,
  eventSchema,
  fallSchema,
  knownBadSchema,
  type SlotState,
  STATE_VERSION,
  type State,
  unknownState,
} from "./state.ts";

const versionSchema = v.looseObject({
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(STATE_VERSION + 1)),
});

/** The version of a state that a newer tandem has made. Undefined for any other state. */
export function versionAbove(json: unknown): number | undefined {
  const result = v.safeParse(versionSchema, json);
  return result.success ? result.output.version : undefined;
}

/** The parts of a newer state that this version understands. Only for reading: the state itself is never written. */
export function newerState(json: unknown): State {
  const unknown = unknownState();
  const { slots, knownBad, history, falls, dumps } = partsOf(json);
  const stored = partsOf(slots);
  return {
    ...unknown,
    slots: eachSlot((name) => slotOf(stored[name])),
    knownBad: understood(knownBadSchema, knownBad),
    history: understood(eventSchema, history),
    falls: understood(fallSchema, falls),
    dumps: v.is(dumpsSchema, dumps) ? dumps : [],
  };
}

type Parts = Readonly<
  Partial<Record<"slots" | "knownBad" | "history" | "falls" | "dumps" | SlotName, unknown>>
>;

function partsOf(json: unknown): Parts {
  return v.is(v.looseObject({}), json) ? json : {};
}

function slotOf(json: unknown): SlotState {
  const result = v.safeParse(anySlotSchema, json);
  return result.success ? result.output : { status: "unknown" };
}

function understood<T extends v.GenericSchema>(schema: T, list: unknown): v.InferOutput<T>[] {
  if (!Array.isArray(list)) return [];
  return list.filter((one): one is v.InferOutput<T> => v.is(schema, one));
}
