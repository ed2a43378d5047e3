import { expect, test } from "bun:test";
import { followFiles } from "../../src/control/follow-files.ts";
import { emptyState, type SlotState, type State } from "../../src/control/state.ts";
import { WRITTEN } from "./written-slot.ts";

const at = "2026-11-28T12:00:00.000Z";
const OLD: SlotState = { ...WRITTEN, uuid: "old", verdict: { result: "good", reason: "", at } };
const NEW: SlotState = { ...WRITTEN, uuid: "new" };
const WRITING: SlotState = { status: "writing", source: "s", digest: "d", startedAt: at };

const stateWith = (slots: Partial<State["slots"]>): State => {
  const state = emptyState();
  return { ...state, slots: { ...state.slots, ...slots } };
};

test.each<[string, Partial<State["slots"]>, Record<string, string>, Partial<State["slots"]>]>([
  [
    "stays while no file has moved",
    { active: OLD, transition: NEW },
    { active: "old", transition: "new" },
    { active: OLD, transition: NEW, passive: { status: "empty" } },
  ],
  [
    "goes with its file to another slot",
    { active: OLD, transition: NEW },
    { active: "new", passive: "old" },
    { active: NEW, passive: OLD, transition: { status: "empty" } },
  ],
  [
    "is gone with its file",
    { active: OLD, passive: NEW },
    { active: "old" },
    { active: OLD, passive: { status: "empty" } },
  ],
  [
    "of a file that another tool has written is not known, without the verdict on the one before",
    { active: OLD },
    { active: "other", passive: "old" },
    { active: { status: "unknown", uuid: "other" }, passive: OLD },
  ],
  [
    "of a file that was there before tandem keeps its verdict, and then belongs to the file",
    { active: { status: "unknown", verdict: { result: "good", reason: "", at } } },
    { active: "first" },
    { active: { status: "unknown", verdict: { result: "good", reason: "", at }, uuid: "first" } },
  ],
  [
    "stays with its slot when two slots have copies of one file",
    { active: OLD, passive: { status: "unknown", uuid: "old" } },
    { active: "old", passive: "old" },
    { active: OLD, passive: { status: "unknown", uuid: "old" } },
  ],
  [
    "tells of an upgrade that was not finished",
    { active: OLD, transition: WRITING },
    { active: "old", transition: "new" },
    { active: OLD, transition: WRITING },
  ],
])("what is known of a slot %s", (...[, before, uuids, after]) => {
  expect(followFiles(stateWith(before), uuids).slots).toMatchObject(after);
});
