/** What tandem knows about a boot, and what it mends in it. */
import { expect, test } from "bun:test";
import { endTrial, settleGood } from "../../../src/control/decide.ts";
import { KairosMachine, type MachineOptions } from "./kairos-machine.ts";
import { settledOn, trialOf } from "./records.ts";
import type { NextRecord } from "../../../src/control/record.ts";
import { whyStay } from "../../../src/control/stay.ts";

const ASSESSMENT = "/state/boot_assessment";
const FAILED = { enable_boot_assessment: "yes", boot_assessment_tentative: "yes" };
const GRUBENV = "/oem/grubenv";
const NEW = trialOf("active");
const NOTHING = {
  gen: 1,
  left: undefined,
  fell: undefined,
  why: undefined,
  gaveUp: undefined,
  uncounted: false,
};

async function machineWith(
  record: NextRecord,
  options: MachineOptions = {},
): Promise<KairosMachine> {
  const machine = new KairosMachine(options);
  await machine.open().commit(record);
  return machine;
}

test("a record says nothing about the boot in which it was made", async () => {
  const machine = await machineWith(NEW);
  expect(machine.open().summary).toEqual({ ...NOTHING, gen: 0 });
  machine.change({ "/state/tandem/boot": undefined });
  machine.boot();
  expect(machine.open().summary).toEqual({ ...NOTHING, gen: 0 });
});

test("the boot of a trial is its only one", async () => {
  const machine = await machineWith(NEW);
  machine.boot();
  const { summary, loaderData } = machine.open();
  expect(summary).toEqual({ ...NOTHING, left: 0 });
  expect(whyStay(loaderData.record, { slot: "active", ...summary })).toBeUndefined();
});

test.each([
  ["dies", {}, "tries"],
  ["has no kernel", { images: { "/cOS/active.img": "broken" } }, "kernel"],
] as const)("a trial that %s", async (_, options, why) => {
  const machine = await machineWith(NEW, options);
  if (why === "tries") machine.boot();
  machine.boot();
  expect(machine.slot).toBe("passive");
  const { summary, loaderData } = machine.open();
  expect(summary).toEqual({ ...NOTHING, fell: "active", why });
  const record = loaderData.record ?? expect.unreachable();
  const policy = { limit: 0, bootable: ["passive", "recovery"] as const };
  const boot = { slot: "passive", gen: summary.gen, fell: summary.fell } as const;
  const next = endTrial(record, boot, policy);
  expect(next).toEqual(settledOn("passive"));
  await machine.open().commit(settledOn("passive"));
  expect(machine.nextEntries(2)).toBe("fallback fallback");
});

test("a roll-back that dies", async () => {
  const machine = await machineWith(trialOf("passive"));
  machine.boot();
  expect(machine.open().summary).toEqual({ ...NOTHING, left: 0 });
  machine.boot();
  expect(machine.open().summary).toEqual({ ...NOTHING, fell: "passive", why: "tries" });
});

test("without a trial the record alone says what is good", async () => {
  const machine = await machineWith(settledOn("active"));
  machine.boot();
  const { summary, loaderData } = machine.open();
  expect(summary).toEqual(NOTHING);
  expect(whyStay(loaderData.record, { slot: "active", ...summary })).toMatch(
    "its boots are not counted",
  );
});

test("an operator who starts recovery from the menu ends no trial", async () => {
  const machine = await machineWith(NEW);
  machine.change({ [GRUBENV]: { next_entry: "recovery" } });
  machine.boot();
  expect(machine.slot).toBe("recovery");
  expect(machine.open().summary).toEqual(NOTHING);
});

test("the stock stage clears the assessment, and a repair sets it again until the verdict", async () => {
  const machine = await machineWith(NEW, { givesVerdicts: true });
  machine.boot();
  machine.clear();
  expect(machine.open().unfinished()).toBe(`${ASSESSMENT} does not make GRUB fall back`);
  expect(machine.open().confirmation?.()).toBeUndefined();
  await machine.open().repair();
  expect(machine.open().unfinished()).toBeUndefined();
  expect(machine.nextEntries(2)).toBe("fallback fallback");
});

test("without a hook the stock stage has the last word", async () => {
  const machine = await machineWith(NEW);
  machine.boot();
  expect(machine.open().confirmation?.()).toBeUndefined();
  machine.clear();
  expect(machine.open().confirmation?.()).toBe("the stage boot.before of Kairos was reached");
  await machine.open().repair();
  expect(machine.nextEntries(2)).toBe("cos cos");
  await machine.open().commit(settledOn("active"));
  expect(machine.open().confirmation?.()).toBeUndefined();
});

test("a count that runs on while GRUB does not see the entry for one boot condemns nothing", async () => {
  const machine = await machineWith(NEW, { givesVerdicts: true });
  const grubenv = machine.tree.tree.get(GRUBENV);
  // GRUB finds another file of this name first.
  machine.change({ [GRUBENV]: {} });
  const { cmdline } = machine.boot();
  machine.change({ [GRUBENV]: grubenv });
  expect(cmdline).toContain("tandem.fell=active");
  expect(machine.open().summary.fell).toBeUndefined();
});

test("what the stock stage has confirmed stays so when another system runs, and when a hook comes later", async () => {
  const machine = await machineWith(NEW);
  machine.boot();
  machine.clear();
  // A person chooses the passive system in the menu, much later.
  machine.change({ [GRUBENV]: { next_entry: "fallback" } });
  machine.boot();
  expect(machine.slot).toBe("passive");
  expect(machine.open().summary).toMatchObject({ fell: undefined, left: undefined });
  await machine.open().repair();
  machine.boot();
  expect(machine.slot).toBe("active");
  const withHook = machine.with({ givesVerdicts: true });
  expect(withHook.open().confirmation?.()).toBe("the stage boot.before of Kairos was reached");
  await withHook.open().repair();
  expect(withHook.nextEntries(2)).toBe("cos cos");
});

test("before its boot the entry of a trial is set again when somebody has removed it", async () => {
  const machine = await machineWith(NEW);
  machine.change({ [GRUBENV]: "" });
  expect(machine.open().unfinished()).toBe(`${GRUBENV} lacks next_entry=cos`);
  await machine.open().repair();
  expect(machine.nextEntries(2)).toBe("cos fallback");
});

test("a GRUB that cannot save its choice does not boot the trial again after a repair", async () => {
  const machine = await machineWith(NEW, { givesVerdicts: true });
  machine.boot();
  machine.change({ [GRUBENV]: { next_entry: "cos" } });
  await machine.open().repair();
  expect(machine.env(GRUBENV)).toEqual({});
});

test("a restart without GRUB leaves the trial for the next one", async () => {
  const machine = await machineWith(trialOf("passive"));
  // kexec: the same command line, another boot.
  const later = new KairosMachine({ tree: machine.tree.tree, bootId: "other" });
  expect(later.open().unfinished()).toBeUndefined();
  await later.open().repair();
  expect(later.nextEntries(2)).toBe("fallback cos");
});

test("a trial whose system never became the active one is taken back", async () => {
  const machine = new KairosMachine({ isSwapped: () => false });
  await machine.open().commit(settledOn("active"));
  await machine.open().commit(NEW);
  machine.boot();
  expect(machine.open().summary.fell).toBeUndefined();
  expect(machine.open().unfinished()).toMatch("a trial is armed");
  await machine.open().repair();
  expect(machine.open().loaderData.record).toEqual({ gen: 3, ...settledOn("active") });
  expect(machine.nextEntries(2)).toBe("cos cos");
});

test("from the passive system it is taken back to that one", async () => {
  const machine = new KairosMachine({ isSwapped: () => false });
  await machine.open().commit(settledOn("passive"));
  await machine.open().commit(NEW);
  machine.boot();
  machine.boot();
  await machine.open().repair();
  expect(machine.open().loaderData.record).toMatchObject({ good: "passive", trial: undefined });
  expect(machine.nextEntries(2)).toBe("fallback fallback");
});

test("an upgrade by another program stays armed", async () => {
  const machine = await machineWith(settledOn("active"));
  machine.change({ [ASSESSMENT]: { enable_boot_assessment: "yes" } });
  await machine.open().repair();
  expect(machine.nextEntries(2)).toBe("cos fallback");
  machine.boot();
  machine.boot();
  await machine.open().repair();
  expect(machine.nextEntries(2)).toBe("fallback fallback");
  // The checks pass in the system that is left.
  const { loaderData, summary } = machine.open();
  const record = loaderData.record ?? expect.unreachable();
  const boot = { slot: "passive", gen: summary.gen, fell: summary.fell } as const;
  const policy = { limit: 0, bootable: ["passive", "recovery"] as const };
  expect(settleGood(record, boot, policy)).toEqual(settledOn("passive"));
});

test("a stale assessment is cleared in the active system", async () => {
  const machine = await machineWith(settledOn("active"));
  machine.change({ [ASSESSMENT]: FAILED });
  expect(machine.open().unfinished()).toBe(`${ASSESSMENT} makes GRUB fall back`);
  await machine.open().repair();
  expect(machine.env(ASSESSMENT)).toEqual({});
});

test("H: an assessment of all boots is left to the stock stage", async () => {
  const always = { enable_boot_assessment_always: "yes", boot_assessment_tentative: "yes" };
  const machine = await machineWith(settledOn("active"));
  machine.change({ [ASSESSMENT]: always });
  await machine.open().repair();
  expect(machine.env(ASSESSMENT)).toEqual(always);
});

test("the choice of an operator for one boot stays", async () => {
  const machine = await machineWith(settledOn("active"));
  machine.change({ [GRUBENV]: { next_entry: "fallback" } });
  await machine.open().repair();
  expect(machine.nextEntries(2)).toBe("fallback cos");
});
