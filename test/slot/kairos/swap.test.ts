import { expect, test } from "bun:test";
import {
  afterSteps,
  type ImageFile,
  type ImageFiles,
  planFinish,
  planSwap,
  type SwapStep,
} from "../../../src/slot/kairos/swap.ts";

const image = (identity: string, label: string | undefined): ImageFile => ({ identity, label });
const ACTIVE = image("v1", "COS_ACTIVE");
const PASSIVE = image("v0", "COS_PASSIVE");
const NEXT = image("v2", "COS_ACTIVE");
const START: ImageFiles = { active: ACTIVE, passive: PASSIVE, transition: NEXT };

const textOf = (step: SwapStep): string => {
  if (step.kind === "label") return `label ${step.file} ${step.label}`;
  return step.kind === "remove" ? `remove ${step.file}` : `${step.kind} ${step.from} ${step.to}`;
};

const namesOf = (files: ImageFiles): string =>
  Object.entries(files)
    .map(([name, { identity }]) => `${name}=${identity}`)
    .join(" ");

/** What a cut before each step, after the last one, and within each relabel leaves. */
function* cutsOf(files: ImageFiles, steps: readonly SwapStep[]): Generator<ImageFiles> {
  for (const [count, step] of [...steps, undefined].entries()) {
    const now = afterSteps(files, steps.slice(0, count));
    yield now;
    const torn = step?.kind === "label" ? now[step.file] : undefined;
    if (step?.kind === "label" && torn !== undefined)
      yield { ...now, [step.file]: { ...torn, label: undefined } };
  }
}

function expectBootable({ active, passive }: ImageFiles): void {
  expect([active?.label, passive?.label]).toEqual(["COS_ACTIVE", "COS_PASSIVE"]);
  expect(active?.identity).not.toBe(passive?.identity ?? "");
}

test.each([
  [
    { keepPassive: false, files: START },
    [
      "link active previous",
      "rename transition active",
      "label previous COS_PASSIVE",
      "link passive replaced",
      "rename previous passive",
      "remove replaced",
    ],
    "active=v2 passive=v1",
  ],
  [
    { keepPassive: true, files: START },
    ["link active replaced", "rename transition active", "remove replaced"],
    "active=v2 passive=v0",
  ],
  [
    { keepPassive: false, files: { active: ACTIVE, transition: NEXT } },
    [
      "link active previous",
      "rename transition active",
      "label previous COS_PASSIVE",
      "rename previous passive",
    ],
    "active=v2 passive=v1",
  ],
  [
    { keepPassive: true, files: { passive: PASSIVE, transition: NEXT } },
    ["rename transition active"],
    "active=v2 passive=v0",
  ],
])("planSwap() of %p", ({ keepPassive, files }, steps, names) => {
  const plan = planSwap(files, { keepPassive });
  expect(plan.map(textOf)).toEqual(steps);
  expect(namesOf(afterSteps(files, plan))).toBe(names);
});

test.each([false, true])("any cut, and any cut of what finishes it, passive kept: %p", (keep) => {
  const ends = new Set<string>();
  let cuts = 0;
  for (const cut of cutsOf(START, planSwap(START, { keepPassive: keep })))
    for (const again of cutsOf(cut, planFinish(cut))) {
      expectBootable(again);
      const finished = afterSteps(again, planFinish(again));
      expectBootable(finished);
      expect(planFinish(finished)).toEqual([]);
      ends.add(namesOf(finished));
      cuts += 1;
    }
  const done = keep ? "active=v2 passive=v0" : "active=v2 passive=v1";
  expect(ends).toEqual(new Set(["active=v1 passive=v0 transition=v2", done]));
  expect(cuts).toBeGreaterThan(keep ? 5 : 20);
});

test.each([
  ["nothing", START, []],
  ["nothing at all", {}, []],
  ["a second name of active", { ...START, previous: ACTIVE }, ["remove previous"]],
  [
    "a second name of passive",
    { active: ACTIVE, passive: PASSIVE, previous: PASSIVE },
    ["remove previous"],
  ],
  [
    "a passive that the original has not relabelled",
    { active: NEXT, passive: ACTIVE },
    ["label passive COS_PASSIVE"],
  ],
  ["no active, so that all stays", { previous: ACTIVE, replaced: PASSIVE }, []],
  ["one file with both names", { active: ACTIVE, passive: ACTIVE }, []],
])("planFinish() of %s", (_, files, steps) => {
  expect(planFinish(files).map(textOf)).toEqual([...steps]);
});

test.each([
  [undefined, "there is none"],
  [image("v2", undefined), "it has no sound ext4 superblock"],
  [image("v2", "COS_PASSIVE"), "its label is COS_PASSIVE, want COS_ACTIVE"],
])("planSwap() refuses transition %p", (transition, why) => {
  const files = { active: ACTIVE, passive: PASSIVE, ...(transition && { transition }) };
  expect(() => planSwap(files, { keepPassive: false })).toThrow(
    `Cannot make transition.img the active system: ${why}`,
  );
});

test("a passive file without a file system is left alone, so that the next swap can replace it", () => {
  const active = { identity: "1", label: "COS_ACTIVE" };
  const passive = { identity: "2", label: undefined, isForeign: true };
  expect(planFinish({ active, passive })).toEqual([]);
  const transition = { identity: "3", label: "COS_ACTIVE" };
  const steps = planSwap({ active, passive, transition }, { keepPassive: false });
  expect(steps.at(-2)).toEqual({ kind: "rename", from: "previous", to: "passive" });
});
