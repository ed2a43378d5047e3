import { expect, test } from "bun:test";
import { KairosMachine } from "./kairos-machine.ts";

const ON = { enable_boot_assessment: "yes" };
const FAILED = { ...ON, boot_assessment_tentative: "yes" };
const TRIAL = { good: "passive", trial: "active", tries: 1 };

test.each([
  ["a machine without an upgrade", {}, {}, { good: "active", trial: undefined }],
  [
    "a machine whose assessment says nothing",
    { enable_boot_assessment: "" },
    {},
    { good: "active" },
  ],
  ["an upgrade by Kairos' own program", ON, { next_entry: "cos" }, TRIAL],
  ["an upgrade by an older one", ON, {}, TRIAL],
  ["a boot that is counted already", FAILED, { next_entry: "cos" }, TRIAL],
] as const)("of %s adopted() is the record", (...[, assessment, grubenv, want]) => {
  const machine = new KairosMachine({
    contents: { "/state/boot_assessment": assessment, "/oem/grubenv": grubenv },
  });
  expect(machine.open().adopted?.()).toMatchObject(want);
});

test("after the active system has failed, the passive one is the good one", () => {
  const machine = new KairosMachine({ contents: { "/state/boot_assessment": FAILED } });
  expect(machine.boot().cmdline).toContain("passive.img");
  expect(machine.open().adopted?.()).toMatchObject({ good: "passive", trial: undefined });
});

test("an assessment that cannot be read says nothing", () => {
  const machine = new KairosMachine({ contents: { "/state/boot_assessment": "junk" } });
  expect(machine.open().adopted?.()).toMatchObject({ good: "active" });
});
