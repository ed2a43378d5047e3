/** What GRUB starts after each boot record, with the model of the stock menu. */
import { expect, test } from "bun:test";
import type { NextRecord } from "../../../src/control/record.ts";
import { KairosMachine, type MachineOptions } from "./kairos-machine.ts";
import { settledOn, trialOf } from "./records.ts";

const ASSESSMENT = "/state/boot_assessment";
const FAILED = { enable_boot_assessment: "yes", boot_assessment_tentative: "yes" };
const NEW = trialOf("active");
const OLD = trialOf("passive");

async function machineWith(
  record: NextRecord,
  options: MachineOptions = {},
): Promise<KairosMachine> {
  const machine = new KairosMachine(options);
  await machine.open().commit(record);
  return machine;
}

test.each<[string, NextRecord, string]>([
  ["the active system is good", settledOn("active"), "cos cos cos"],
  ["a new system is on trial", NEW, "cos fallback fallback"],
  ["the passive system is good", settledOn("passive"), "fallback fallback fallback"],
  ["a roll-back is on trial", OLD, "fallback cos cos"],
])("%s", async (_, record, entries) => {
  expect((await machineWith(record)).nextEntries(3)).toBe(entries);
});

test("a trial that has proven itself stays, and leaves no variables", async () => {
  const machine = await machineWith(NEW);
  machine.boot();
  await machine.open().commit(settledOn("active"));
  expect(machine.nextEntries(3)).toBe("cos cos cos");
  expect([machine.env(ASSESSMENT), machine.env("/oem/grubenv")]).toEqual([{}, {}]);
});

test("a roll-back that has proven itself stays", async () => {
  const machine = await machineWith(OLD);
  expect(machine.boot().entry).toBe("fallback");
  await machine.open().commit(settledOn("passive"));
  expect(machine.nextEntries(2)).toBe("fallback fallback");
});

test("a withdrawn trial never boots", async () => {
  const machine = await machineWith(NEW);
  await machine.open().commit(settledOn("passive"));
  expect(machine.nextEntries(2)).toBe("fallback fallback");
  expect(machine.env("/oem/grubenv")).toEqual({});
});

test.each<[string, MachineOptions]>([
  ["C: a stale assessment", { contents: { [ASSESSMENT]: FAILED } }],
  [
    "D: an assessment for two boots",
    { contents: { [ASSESSMENT]: { enable_boot_assessment: "yes" } } },
  ],
  ["I: no assessment", { contents: { "/state/grub_boot_assessment": undefined } }],
  ["I: no grubcustom", { contents: { "/state/grubcustom": undefined } }],
  [
    "a grubcustom that only mentions it",
    { contents: { "/state/grubcustom": "# grub_boot_assessment" } },
  ],
  ["a torn grubenv", { contents: { "/oem/grubenv": "" } }],
  ["a torn assessment", { contents: { [ASSESSMENT]: "# GRUB Env" } }],
  ["a damaged assessment", { contents: { [ASSESSMENT]: "nonsense".padEnd(1024) } }],
  ["no grubenv", { contents: { "/oem/grubenv": undefined } }],
  ["an encrypted OEM", { hasOem: false }],
  ["an old menu without grubcustom", { contents: { "/state/grub2/grub.cfg": "old" } }],
  ["a damaged count", { contents: { "/state/tandem/count": "nonsense".padEnd(1024) } }],
  ["a damaged origin", { contents: { "/state/tandem/boot": "nonsense".padEnd(1024) } }],
])("a new system has one boot: %s", async (_, options) => {
  expect((await machineWith(NEW, options)).nextEntries(3)).toBe("cos fallback fallback");
});

test("next_entry goes into the file that GRUB finds first", async () => {
  const onState = await machineWith(NEW, {
    contents: { "/oem/grubenv": undefined, "/state/grubenv": { extra_cmdline: "quiet" } },
  });
  expect(onState.env("/state/grubenv")).toEqual({ extra_cmdline: "quiet", next_entry: "cos" });
  const encrypted = await machineWith(NEW, { hasOem: false });
  expect(encrypted.env("/state/grubenv")).toEqual({ next_entry: "cos" });
});

test("a damaged grubenv is refused before anything changes", async () => {
  const machine = new KairosMachine({ contents: { "/oem/grubenv": "nonsense".padEnd(1024) } });
  await expect(machine.open().commit(NEW)).rejects.toThrow("Cannot read /oem/grubenv");
  expect(machine.open().loaderData.record).toBeUndefined();
  expect(machine.nextEntries(1)).toBe("cos");
});

test.each([
  [NEW, "fallback", undefined],
  [
    NEW,
    "recovery",
    'saved_entry in /oem/grubenv is "recovery": GRUB starts that entry in place of slot passive',
  ],
  [OLD, "0", undefined],
])("F: the choice of the operator is reported (%#)", async (record, entry, text) => {
  const machine = await machineWith(record, {
    contents: { "/oem/grubenv": { saved_entry: entry } },
  });
  expect(machine.open().contradiction?.()).toBe(text);
  expect(machine.env("/oem/grubenv")["saved_entry"]).toBe(entry);
});

test("the entries of others stay", async () => {
  const contents = { "/oem/grubenv": { next_entry: "recovery", extra_cmdline: "quiet" } };
  const machine = await machineWith(settledOn("active"), { contents });
  await machine.open().repair();
  expect(machine.env("/oem/grubenv")).toEqual({ next_entry: "recovery", extra_cmdline: "quiet" });
});

test("slots of another layout have no entry", async () => {
  const loader = new KairosMachine().open();
  const slots = ["a", "transition"] as const;
  for (const slot of slots)
    await expect(loader.commit(settledOn(slot))).rejects.toThrow(
      `Cannot boot slot ${slot}: the menu of Kairos has no entry for it`,
    );
});

test("with a menu that reads no grubcustom a trial has one boot", async () => {
  const contents = { "/state/grub2/grub.cfg": "old" };
  const old = new KairosMachine({ contents });
  expect(old.open().triesMax).toBe(1);
  expect(await old.open().commit(trialOf("active", { tries: 3 }))).toMatchObject({ tries: 1 });
  expect(new KairosMachine().open()).toMatchObject({ triesMax: 10, triesUnasked: 1 });
});

test("the stock stage confirms a boot only where no hook gives verdicts", () => {
  expect(new KairosMachine().open().confirmedBy).toBe("the stage boot.before of Kairos");
  expect(new KairosMachine({ givesVerdicts: true }).open().confirmedBy).toBeUndefined();
});
