/** Cuts the power before every write and flush, in every way a disk can lose what was not flushed. */
import { expect, test } from "bun:test";
import { readRoot } from "../../src/disk/hash-root.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { PARTITION_SLOTS, type SlotName } from "../../src/slot/slot.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markBad, markGood, recordFall } from "../../src/verdict/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { upgradeFrom, type UpgradeRequest } from "../../src/upgrade/upgrade.ts";
import { controlIn } from "../fakes/control.ts";
import {
  controlOf,
  DISK_BYTES,
  install,
  memoryMachine,
  memorySource,
  RECOVERY_DISK_BYTES,
  slotOf,
} from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";

/** What the boot loader would start, in its order: the first one that is whole boots. */
interface Choice {
  readonly slot: SlotName;
  readonly digest: string;
}

const request: UpgradeRequest = {
  tries: 3,
  reboot: false,
  retryBad: false,
  dryRun: false,
  jobs: 1,
  insecureRegistries: [],
};

function upgradeTo(
  version: string,
  machine: Machine,
  more: Partial<UpgradeRequest> = {},
): Promise<unknown> {
  const work = { system: machine.system, talk: SILENT, signal: new AbortController().signal };
  return upgradeFrom(memorySource(version), {
    work,
    machine,
    request: { ...request, ...more },
  });
}

/** A disk with v1 in slot a, which runs. */
async function installed(): Promise<PagedImage> {
  const image = PagedImage.zeros(DISK_BYTES);
  await install(image.file(), "v1");
  return image;
}

/** The same with v2 on trial in slot b. */
async function armed(): Promise<PagedImage> {
  const image = await installed();
  await upgradeTo("v2", memoryMachine(image.file(), "tandem.slot=a tandem.gen=1"));
  return image;
}

/** The same with recovery as the last resort, and at most two boots of the good slot without a verdict. */
async function rescued(): Promise<PagedImage> {
  const image = PagedImage.zeros(RECOVERY_DISK_BYTES);
  await install(image.file(), "v1", 2);
  await upgradeTo("rescue", memoryMachine(image.file(), "tandem.slot=a tandem.gen=1"), {
    slot: "recovery",
  });
  return image;
}

/** And with v2 on trial in slot b. */
async function rescuedAndArmed(): Promise<PagedImage> {
  const image = await rescued();
  await upgradeTo("v2", memoryMachine(image.file(), "tandem.slot=a tandem.gen=2"));
  return image;
}

/**
 * By the loader's rules: the valid record with the larger number, its trial, its good slot, its last one, and then whatever has a
 * spec.
 */
function choicesOf(disk: BlockFile): Choice[] {
  const { record } = controlIn(controlOf(disk)).loaderData;
  if (record === undefined) throw new Error("no record");
  const named = [record.trial, record.good, record.last];
  return [...new Set([...named, ...PARTITION_SLOTS])].flatMap((slot) => {
    if (slot === undefined) return [];
    const spec = controlIn(controlOf(disk)).loaderData.spec(slot);
    return "invalid" in spec ? [] : [{ slot, digest: spec.digest }];
  });
}

/** The runs and the hash root of each image that was written as a whole. */
type Whole = Map<string, { readonly runs: readonly [number, number][]; readonly hashRoot: string }>;

function learn(whole: Whole, disk: BlockFile): void {
  for (const held of Object.values(controlIn(controlOf(disk)).memory.state.slots))
    if (held.status === "written") whole.set(held.digest, held);
}

/** Every slot that the loader might start holds exactly what its spec says. There is at least one. */
async function judge(disk: BlockFile, whole: Whole): Promise<void> {
  const choices = choicesOf(disk);
  expect(choices).not.toBeEmpty();
  for (const { slot, digest } of choices) {
    const { runs, hashRoot } = whole.get(digest) ?? { runs: [], hashRoot: `unknown ${digest}` };
    expect(await readRoot(slotOf(disk, slot), runs)).toBe(hashRoot);
  }
}

interface Story {
  readonly name: string;
  readonly start: () => Promise<PagedImage>;
  readonly cmdline: string;
  readonly act: (machine: Machine) => Promise<unknown>;
}

const STORIES: readonly Story[] = [
  {
    name: "upgrade",
    start: installed,
    cmdline: "tandem.slot=a tandem.gen=1",
    act: (machine) => upgradeTo("v2", machine),
  },
  {
    name: "upgrade over a pending trial",
    start: armed,
    cmdline: "tandem.slot=a tandem.gen=1",
    act: (machine) => upgradeTo("v3", machine),
  },
  {
    name: "mark good in the trial",
    start: armed,
    cmdline: "tandem.slot=b tandem.gen=2 tandem.left=2",
    act: (machine) => markGood(machine, undefined, "test"),
  },
  {
    name: "mark bad in the trial",
    start: armed,
    cmdline: "tandem.slot=b tandem.gen=2 tandem.left=2",
    act: (machine) => markBad(machine, undefined, "test"),
  },
  {
    name: "coming back from a trial",
    start: armed,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.fell=b",
    act: recordFall,
  },
  {
    name: "withdraw the trial",
    start: armed,
    cmdline: "tandem.slot=a tandem.gen=1",
    act: (machine) => rollback(machine, 3),
  },
  {
    name: "roll back to the old slot",
    async start() {
      const image = await armed();
      await markGood(memoryMachine(image.file(), "tandem.slot=b tandem.gen=2"), undefined, "test");
      return image;
    },
    cmdline: "tandem.slot=b tandem.gen=3",
    act: (machine) => rollback(machine, 3),
  },
  {
    name: "upgrade recovery for the first time",
    async start() {
      const image = PagedImage.zeros(RECOVERY_DISK_BYTES);
      await install(image.file(), "v1", 2);
      return image;
    },
    cmdline: "tandem.slot=a tandem.gen=1 tandem.left=1",
    act: (machine) => upgradeTo("rescue", machine, { slot: "recovery" }),
  },
  {
    name: "upgrade recovery while everything ends there",
    start: rescued,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.left=1",
    act: (machine) => upgradeTo("rescue 2", machine, { slot: "recovery" }),
  },
  {
    name: "upgrade recovery beside a pending trial",
    start: rescuedAndArmed,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.left=1",
    act: (machine) => upgradeTo("rescue 2", machine, { slot: "recovery" }),
  },
  {
    name: "roll back to recovery",
    start: rescued,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.left=1",
    act: (machine) => rollback(machine, 3, "recovery"),
  },
  {
    name: "a good verdict on a good slot with a limit",
    start: rescued,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.left=1",
    act: (machine) => markGood(machine, undefined, "test"),
  },
  {
    name: "coming back from a trial with a limit",
    start: rescuedAndArmed,
    cmdline: "tandem.slot=a tandem.gen=3 tandem.left=1 tandem.fell=b tandem.why=tries",
    act: async (machine) => {
      await recordFall(machine);
      await markGood(machine, undefined, "test");
    },
  },
  {
    name: "coming up in recovery, both others being used up",
    start: rescuedAndArmed,
    cmdline:
      "tandem.slot=recovery tandem.gen=3 tandem.gave_up=a:limit tandem.fell=b tandem.why=tries",
    act: async (machine) => {
      await recordFall(machine);
      await markGood(machine, undefined, "test");
    },
  },
];

test.each(STORIES)("$name: every cut leaves a system that boots", async (story) => {
  const start = await story.start();
  const recorded = new RecordedDisk(start);
  await story.act(memoryMachine(recorded.file, story.cmdline));
  const whole: Whole = new Map();
  learn(whole, start.file());
  learn(whole, recorded.image().file());
  let cuts = 0;
  for (const cut of recorded.cuts()) {
    await explain(cut, () => judge(cut.image.file(), whole));
    cuts += 1;
  }
  console.log(
    `${story.name}: ${recorded.operations.length} operations, ${cuts} disks after a cut, all boot`,
  );
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(recorded.operations.length);
});

test("upgrade: after every cut the next upgrade succeeds", async () => {
  const recorded = new RecordedDisk(await installed());
  await upgradeTo("v2", memoryMachine(recorded.file, "tandem.slot=a tandem.gen=1"));
  let cuts = 0;
  for (const cut of recorded.cuts({ subsetsMax: 2, tearsMax: 2 })) {
    await explain(cut, async () => {
      const disk = cut.image.file();
      await upgradeTo("v3", memoryMachine(disk, "tandem.slot=a tandem.gen=1"));
      const want = { slot: "b", digest: memorySource("v3").digest } as const;
      expect(choicesOf(disk)[0]).toEqual(want);
    });
    cuts += 1;
  }
  console.log(`upgrade after a cut: ${cuts} disks, all upgraded`);
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(recorded.operations.length);
});

test("the booted slot is never written", async () => {
  const recorded = new RecordedDisk(await installed());
  await upgradeTo("v2", memoryMachine(recorded.file, "tandem.slot=a tandem.gen=1"));
  const slotA = { from: 1024 * 1024, to: 9 * 1024 * 1024 };
  const wrong = recorded.operations.filter(
    (one) =>
      one.kind === "write" &&
      one.offsetBytes < slotA.to &&
      one.offsetBytes + one.bytes.byteLength > slotA.from,
  );
  expect(wrong).toEqual([]);
});

/** Adds the name of the cut to a failure. */
async function explain(cut: Cut, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    throw new Error(`cut ${cut.name}`, { cause: error });
  }
}
