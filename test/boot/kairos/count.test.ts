/** Counted boots: more than one try, and recovery after a passive system that fails, too. */
import { expect, test } from "bun:test";
import type { NextRecord } from "../../../src/control/record.ts";
import { KairosMachine, type MachineOptions } from "./kairos-machine.ts";
import { settledOn, trialOf } from "./records.ts";

const COUNT = "/state/tandem/count";
const HOOK = { givesVerdicts: true };
const THREE = trialOf("active", { tries: 3 });

async function machineWith(
  record: NextRecord,
  options: MachineOptions = {},
): Promise<KairosMachine> {
  const machine = new KairosMachine(options);
  await machine.open().commit(record);
  return machine;
}

/** Boots without a verdict; the stock stage runs in each active system. */
function entriesWithStage(machine: KairosMachine, count: number): string {
  return Array.from({ length: count }, () => {
    const { entry } = machine.boot();
    machine.clear();
    return entry ?? "menu";
  }).join(" ");
}

test.each<[string, NextRecord, string]>([
  ["one try", trialOf("active"), "cos fallback fallback fallback recovery recovery"],
  ["three tries", THREE, "cos cos cos fallback fallback fallback recovery"],
  [
    "three tries of a roll-back",
    trialOf("passive", { tries: 3 }),
    "fallback fallback fallback cos cos cos recovery",
  ],
  [
    "no recovery",
    trialOf("active", { last: undefined }),
    "cos fallback fallback fallback fallback fallback",
  ],
  ["a limit", settledOn("active", { limit: 2 }), "cos cos fallback fallback recovery recovery"],
  ["no last resort", settledOn("active", { limit: 2, last: undefined }), "cos cos cos"],
  ["a trial and a limit", trialOf("active", { limit: 2 }), "cos fallback fallback recovery"],
  ["another last resort", settledOn("active", { limit: 1, last: "passive" }), "cos fallback"],
])("with a hook: %s", async (_, record, entries) => {
  const { length } = entries.split(" ");
  expect((await machineWith(record, HOOK)).nextEntries(length)).toBe(entries);
  expect(entriesWithStage(await machineWith(record, HOOK), length)).toBe(entries);
});

test("without a hook only the tries are counted, and the stock stage ends them", async () => {
  const machine = await machineWith(THREE);
  expect(machine.nextEntries(5)).toBe("cos cos cos fallback fallback");
  expect(entriesWithStage(machine, 5)).toBe("cos cos cos cos cos");
});

test("GRUB reports its count on the command line", async () => {
  const machine = await machineWith(THREE, HOOK);
  const facts = Array.from({ length: 7 }, () => {
    machine.boot();
    const { gen, left, fell, why, gaveUp, uncounted } = machine.open().summary;
    return { gen, left, fell, why, gaveUp: gaveUp && `${gaveUp.slot}:${gaveUp.why}`, uncounted };
  });
  const trial = { gen: 1, fell: undefined, why: undefined, gaveUp: undefined, uncounted: false };
  const fallen = { ...trial, fell: "active", why: "tries" };
  expect<unknown[]>(facts).toEqual([
    { ...trial, left: 2 },
    { ...trial, left: 1 },
    { ...trial, left: 0 },
    { ...fallen, left: 2 },
    { ...fallen, left: 1 },
    { ...fallen, left: 0 },
    { ...fallen, left: undefined, gaveUp: "passive:limit" },
  ]);
});

test("a verdict ends the count", async () => {
  const machine = await machineWith(THREE, HOOK);
  machine.boot();
  machine.boot();
  await machine.open().commit(settledOn("active"));
  expect(machine.nextEntries(5)).toBe("cos cos cos cos cos");
});

test("a damaged count ends the tries: the stock assessment falls back", async () => {
  const machine = await machineWith(THREE, HOOK);
  machine.boot();
  machine.change({ [COUNT]: "nonsense".padEnd(1024) });
  expect(machine.nextEntries(2)).toBe("fallback fallback");
  expect(machine.open().summary.left).toBe(0);
  expect(machine.open().unfinished()).toBe("the count of boots on COS_STATE is damaged");
  await machine.open().repair();
  // The boot of the trial has begun: it gets no more of them.
  expect(machine.nextEntries(2)).toBe("fallback fallback");
});

test("a stage that writes grubcustom anew loses tandem's lines until the next repair", async () => {
  const machine = await machineWith(THREE, HOOK);
  const stock = machine.text("/state/grubcustom").replace(/# Begin of tandem's[\s\S]*/, "");
  machine.change({ "/state/grubcustom": stock });
  expect(machine.nextEntries(2)).toBe("cos fallback");
  expect(machine.open().unfinished()).toBe("GRUB needs other lines in /grubcustom");
  await machine.open().repair();
  expect(machine.text("/state/grubcustom")).toStartWith(stock);
  expect(machine.nextEntries(4)).toBe("cos cos cos fallback");
});
