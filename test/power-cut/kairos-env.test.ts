/**
 * Cuts while a boot record is committed and repaired, with each unflushed change kept, torn or lost. The next boots are
 * always those of the old record or those of the new one, and a repair in the next boot finishes the work.
 */
import { expect, test } from "bun:test";
import { parseEnv } from "../fakes/env-block.ts";
import type { NextRecord } from "../../src/control/record.ts";
import {
  type Contents,
  KairosMachine,
  type MachineOptions,
} from "../boot/kairos/kairos-machine.ts";
import { settledOn, trialOf } from "../boot/kairos/records.ts";

interface Story {
  readonly name: string;
  readonly before: NextRecord;
  /** The trial of the record before runs when the new record is made. */
  readonly isRunning?: boolean;
  readonly next: NextRecord;
  readonly options?: MachineOptions;
}

const MISSING: Contents = {
  "/oem/grubenv": undefined,
  "/state/grubcustom": undefined,
  "/state/grub_boot_assessment": undefined,
};
const NEW = trialOf("active");
const OLD = trialOf("passive");

const STORIES: readonly Story[] = [
  { name: "a new system from the active one", before: settledOn("active"), next: NEW },
  {
    name: "the same, with files missing",
    before: settledOn("active"),
    next: NEW,
    options: { contents: MISSING },
  },
  {
    name: "three tries",
    before: settledOn("active"),
    next: trialOf("active", { tries: 3 }),
    options: { givesVerdicts: true },
  },
  { name: "a new system from the passive one", before: settledOn("passive"), next: NEW },
  { name: "a withdrawn trial", before: NEW, next: settledOn("passive") },
  { name: "a trial proves itself", before: NEW, isRunning: true, next: settledOn("active") },
  {
    name: "a trial with three tries proves itself",
    before: trialOf("active", { tries: 3 }),
    isRunning: true,
    next: settledOn("active"),
    options: { givesVerdicts: true },
  },
  { name: "a trial is called bad", before: NEW, isRunning: true, next: settledOn("passive") },
  { name: "a roll-back from the active system", before: settledOn("active"), next: OLD },
  { name: "a withdrawn roll-back", before: OLD, next: settledOn("active") },
  { name: "a roll-back proves itself", before: OLD, isRunning: true, next: settledOn("passive") },
  {
    name: "the active system is called bad",
    before: settledOn("active"),
    next: settledOn("passive"),
  },
  {
    name: "the passive system is called bad",
    before: settledOn("passive"),
    next: settledOn("active"),
  },
  { name: "another last resort", before: NEW, next: trialOf("active", { last: undefined }) },
];

async function machineBefore({ before, isRunning, options }: Story): Promise<KairosMachine> {
  const machine = new KairosMachine(options);
  await machine.open().commit(before);
  if (isRunning === true) machine.boot();
  // Begins the recording.
  return machine.after(machine.tree.tree);
}

const BOOTS = 4;

test.each([...STORIES])("a cut during a commit: $name", async (story) => {
  const machine = await machineBefore(story);
  const allowed = [machine.nextEntries(BOOTS)];
  await machine.open().commit(story.next);
  allowed.push(machine.nextEntries(BOOTS));
  let cuts = 0;
  for (const { name, tree } of machine.tree.cuts()) {
    cuts += 1;
    const cut = machine.after(tree);
    const entries = cut.nextEntries(BOOTS);
    if (!allowed.includes(entries))
      throw new Error(`${name}: ${entries}, want ${allowed.join(" or ")}`);
    await judgeNextBoot(cut, story, name);
  }
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(2);
});

/** A repair in the next boot finishes the work, and a cut in the repair harms nothing. */
async function judgeNextBoot(machine: KairosMachine, story: Story, name: string): Promise<void> {
  machine.boot();
  const { summary, loaderData } = machine.open();
  const wasTried = loaderData.record?.gen === 1 && story.isRunning === true;
  if (summary.fell !== undefined && !wasTried)
    throw new Error(`${name}: trial ${summary.fell} counts as failed, and had no boot`);
  const repaired = machine.after(machine.tree.tree);
  await repaired.open().repair();
  judgeRepaired(repaired, story, name);
  judgeFall(repaired.after(repaired.tree.tree), name);
  for (const { name: second, tree } of repaired.tree.cuts()) {
    const again = repaired.after(tree);
    await again.open().repair();
    judgeRepaired(again, story, `${name}, then ${second}`);
  }
}

/** A trial that does not prove itself is known to have failed as soon as the good system boots. */
function judgeFall(machine: KairosMachine, name: string): void {
  const record = machine.open().loaderData.record ?? expect.unreachable();
  if (record.trial === undefined) return;
  for (let boots = 0; boots < BOOTS && machine.slot !== record.good; boots += 1) machine.boot();
  const { fell } = machine.open().summary;
  if (machine.slot === record.good && fell !== record.trial)
    throw new Error(`${name}: ${record.good} boots, and the trial has not failed`);
}

/** GRUB may be at the new record already, and the record at the old one: a verdict in this boot brings both together. */
function judgeRepaired(machine: KairosMachine, { before, next }: Story, name: string): void {
  const left = machine.open().unfinished();
  const entries = [before.good, next.good].map((good) => (good === "active" ? "cos" : "fallback"));
  // The last tries of a trial come before.
  const last = machine.nextEntries(BOOTS).split(" ").at(-1) ?? "";
  if (left !== undefined || ![...entries, "recovery"].includes(last))
    throw new Error(`${name}: after the repair ${last} boots at last, and ${left}`);
}

test("a cut during the first commit leaves a machine that tandem does not touch", async () => {
  const foreign = { "/state/boot_assessment": { enable_boot_assessment: "yes" } };
  const machine = new KairosMachine({ contents: foreign });
  await machine.open().repair();
  expect(machine.open().unfinished()).toBeUndefined();
  expect(machine.env("/state/boot_assessment")).toEqual(foreign["/state/boot_assessment"]);
  await machine.open().commit(NEW);
  for (const { tree } of machine.tree.cuts()) {
    const values = parseEnv(tree.get("/state/boot_assessment"));
    expect(["yes", undefined]).toContain(values.get("boot_assessment_tentative"));
  }
});
