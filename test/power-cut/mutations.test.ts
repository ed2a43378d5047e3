/** Tests the judge: each of these upgrades breaks one rule of the design, and the judge must find it after some cut. */
import { expect, test } from "bun:test";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { encodeRecord, parseRecord } from "../../src/control/record.ts";
import { writeThrough } from "../../src/disk/write-through.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import { readBlock } from "../../src/system/block-file.ts";
import type { Machine } from "../../src/machine/machine.ts";
import type { Step } from "../../src/upgrade/step.ts";
import { runUpgrade } from "../../src/upgrade/run.ts";
import { contentOf } from "../../src/write/content.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { memorySource } from "../fakes/machine.ts";
import { RecordedDisk, type Operation } from "../fakes/recorded-disk.ts";
import { machineWith, partOfDisk, PLACES } from "../fakes/whole-disk.ts";
import { judge, learn, type Whole } from "./judge.ts";
import { armed, installed, upgraded } from "./story.ts";

const FIRST_BOOT = "tandem.slot=a tandem.gen=1";

interface Mutation {
  readonly name: string;
  readonly loader?: LoaderName;
  readonly start: typeof installed;
  readonly cmdline: string;
  readonly slot: SlotName;
  readonly steps: (slot: SlotName) => readonly Step[];
  /** Makes the machine faulty. */
  readonly machine?: (machine: Machine, recorded: RecordedDisk) => Machine;
  /** Makes the disk faulty: changes which operations reach it. */
  readonly operations?: (operations: readonly Operation[]) => Operation[];
}

const arm = (slot: SlotName): Step => ({ kind: "arm", slot, tries: 3 });
const step = (kind: "erase" | "write" | "read-back" | "describe", slot: SlotName): Step => ({
  kind,
  slot,
});
const RIGHT = (slot: SlotName): readonly Step[] => [
  step("erase", slot),
  step("write", slot),
  step("read-back", slot),
  step("describe", slot),
  arm(slot),
];
const UPGRADE = { start: installed, cmdline: FIRST_BOOT, slot: "b", steps: RIGHT } as const;

const MUTATIONS: readonly Mutation[] = [
  {
    ...UPGRADE,
    name: "armed before it is described",
    steps: (slot) => [
      step("erase", slot),
      step("write", slot),
      step("read-back", slot),
      arm(slot),
      step("describe", slot),
    ],
  },
  {
    ...UPGRADE,
    name: "a pending trial disarmed after its slot is erased",
    start: armed,
    steps: (slot) => {
      const [erase, ...rest] = RIGHT(slot);
      return [...(erase === undefined ? [] : [erase]), { kind: "disarm", trial: slot }, ...rest];
    },
  },
  {
    ...UPGRADE,
    name: "the old system written over while the loader knows it",
    start: upgraded,
    cmdline: "tandem.slot=b tandem.gen=3",
    slot: "a",
    machine: (machine) => ({
      ...machine,
      loader: { ...machine.loader, forget: () => Promise.resolve() },
    }),
  },
  {
    ...UPGRADE,
    name: "the good slot written over",
    slot: "a",
    steps: (slot) => RIGHT(slot).slice(0, -1),
  },
  {
    ...UPGRADE,
    name: "the record written over the copy in force",
    machine: overwriteRecord,
  },
  {
    ...UPGRADE,
    name: "systemd-boot's record committed before its entries",
    loader: "systemd-boot",
    machine: commitRecordFirst,
  },
  {
    ...UPGRADE,
    name: "no flush",
    operations: (operations) => operations.filter(({ kind }) => kind !== "flush"),
  },
  {
    ...UPGRADE,
    name: "no flush between slot, spec and record",
    operations: dropLateFlushes,
  },
  {
    ...UPGRADE,
    name: "the slot never flushed",
    operations: dropSlotWritesUntilEnd,
  },
  {
    ...UPGRADE,
    name: "writes under way never waited for",
    operations: (operations) => operations.filter(({ kind }) => kind !== "end"),
  },
];

const isSlotWrite = (one: Operation): boolean =>
  one.kind === "write" && one.offsetBytes >= PLACES.a.offsetBytes;

/** Drops the flushes between the slot and the end, so that spec, state and record reach the medium in any order. */
function dropLateFlushes(operations: readonly Operation[]): Operation[] {
  const slotEnd = operations.findLastIndex((one) => isSlotWrite(one)) + 1;
  return operations.filter(({ kind }, index) => kind !== "flush" || index <= slotEnd);
}

/** The medium stores writes to a slot only at the end, although it confirms the flushes. */
function dropSlotWritesUntilEnd(operations: readonly Operation[]): Operation[] {
  const [slot, rest] = [true, false].map((wanted) =>
    operations.filter((one) => isSlotWrite(one) === wanted),
  );
  return [...(rest ?? []), ...(slot ?? [])];
}

function overwriteRecord(machine: Machine, recorded: RecordedDisk): Machine {
  const control = partOfDisk(recorded.file, "control");
  const { record } = machine.loaderData;
  if (record === undefined) throw new Error("there is no record to begin with");
  const place = [0x0000, 0x1000].find((offsetBytes) => {
    const copy = parseRecord(readBlock(control, offsetBytes, 1024));
    return "gen" in copy && copy.gen === record.gen;
  });
  const commit: Machine["loader"]["commit"] = async (next) => {
    const committed = { ...next, gen: record.gen + 1 };
    await writeThrough(control, place ?? 0, encodeRecord(committed));
    return committed;
  };
  return { ...machine, loader: { ...machine.loader, commit } };
}

function commitRecordFirst(machine: Machine): Machine {
  const commit: Machine["loader"]["commit"] = async (next) => {
    await machine.loaderData.commitRecord(next);
    return machine.loader.commit(next);
  };
  return { ...machine, loader: { ...machine.loader, commit } };
}

/** Returns how many cuts the judge finds faulty, and the reasons. */
async function condemned(mutation: Mutation): Promise<string[]> {
  const { loader = "grub", machine: breakMachine = (machine: Machine) => machine } = mutation;
  const start = await mutation.start(loader);
  const recorded = new RecordedDisk(start);
  await perform(mutation, breakMachine(machineWith(recorded.file, mutation.cmdline), recorded));
  const whole: Whole = new Map();
  learn(whole, start.file());
  learn(whole, recorded.image().file());
  const { operations = (all: readonly Operation[]) => [...all] } = mutation;
  recorded.operations.splice(0, Infinity, ...operations([...recorded.operations]));
  const reasons: string[] = [];
  for (const cut of recorded.cuts())
    await judge(cut.image, { loader, whole, gen: 1, fell: false }).catch((error: Error) =>
      reasons.push(error.message),
    );
  return reasons;
}

async function perform({ slot, steps }: Mutation, machine: Machine): Promise<void> {
  const { signal } = new AbortController();
  const content = await contentOf(memorySource("v3"), { talk: SILENT, signal });
  await runUpgrade({ machine, content, slot, jobs: 1, talk: SILENT, signal }, steps(slot));
}

test.each(MUTATIONS)("the judge finds a fault in an upgrade with $name", async (mutation) => {
  const reasons = await condemned(mutation);
  console.log(`${mutation.name}: ${reasons.length} cuts condemned, such as: ${reasons[0]}`);
  expect(reasons).not.toBeEmpty();
});

test.each(LOADER_NAMES)(
  "the judge condemns nothing of the same upgrade done right with %s",
  async (loader) => {
    expect(await condemned({ ...UPGRADE, loader, name: "nothing wrong" })).toEqual([]);
  },
);
