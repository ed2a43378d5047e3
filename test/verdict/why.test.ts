import { expect, test } from "bun:test";
import { whyText } from "../../src/cli/why-text.ts";
import { withSlot } from "../../src/control/state.ts";
import { health } from "../../src/verdict/health.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markBad, recordFall } from "../../src/verdict/mark.ts";
import { type Why, whyOf } from "../../src/verdict/why.ts";
import { checkedSystem, FAILED, PASSED } from "../fakes/checks.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memoryMachine, memorySource, memorySystem } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import {
  armed,
  FIRST_BOOT,
  installed,
  TRIAL_BOOT,
  upgraded,
  upgradeTo,
  withRecovery,
  workOn,
} from "../upgrade/disk.ts";

const FALLEN = "tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=tries";
const AFTER = "tandem.slot=a tandem.gen=2";

function why(image: PagedImage, boot = AFTER): Why {
  return whyOf(memoryMachine(image.file(), boot));
}

const texts = ({ story }: Why): string[] => story.map(({ text }) => text);

test("whyOf() a machine without a fall", async () => {
  const answer = why(await upgraded(), "tandem.slot=b tandem.gen=3");
  expect(answer).toMatchObject({ about: "nothing", story: [], advice: [] });
  expect(whyText(answer)).toBe(
    "Nothing was given up or left unfinished, as far as is remembered.\nSlot b (v2) runs and is the good one.\nSlot b boots next.",
  );
});

const REFUSED =
  "Upgrade to a fixed image. This one is refused unless tandem upgrade is given --retry-bad.";

test("whyOf() a trial that never reported", async () => {
  const image = await armed();
  await recordFall(memoryMachine(image.file(), FALLEN));
  const answer = why(image);
  expect(answer).toMatchObject({
    about: "fall",
    slot: "b",
    fall: { stage: "silent", tries: 3, gen: 2, version: "v2", digest: memorySource("v2").digest },
    now: ["Slot a (v1) runs and is the good one.", "Slot a boots next."],
    advice: [
      "Try the image where its console can be seen.",
      "Its kernel left no words in /sys/fs/pstore: a serial console shows them.",
      REFUSED,
    ],
  });
  expect(texts(answer)).toEqual([
    "slot b with v2 was to be tried, 3 time(s) at most",
    "slot b was given up: nothing was heard of it: it panicked or hung before tandem health could report (its tries were used up without a good verdict)",
  ]);
});

/** A machine with these kernel dumps. */
function withDumps(image: PagedImage, boot: string, dumps: Record<string, string>): Machine {
  const files = memoryFiles(
    Object.fromEntries(
      Object.entries(dumps).map(([name, text]) => [`/sys/fs/pstore/${name}`, text]),
    ),
  );
  return memoryMachine(image.file(), boot, { ...memorySystem(), files });
}

test("whyOf() a trial that panicked has the last lines of its kernel, and of no other", async () => {
  const image = await installed();
  const old = { "dmesg-ramoops-0": "Panic#1 Part1\nlong ago" };
  await upgradeTo("v2", withDumps(image, FIRST_BOOT, old));
  const died = "Panic#1 Part1\n<0>Kernel panic - not syncing: sysrq triggered crash\n";
  await recordFall(withDumps(image, FALLEN, { ...old, "dmesg-ramoops-1": died }));
  const answer = why(image);
  expect(answer.fall?.kernel).toBe("<0>Kernel panic - not syncing: sysrq triggered crash");
  expect(whyText(answer)).toContain(
    "the last words of its kernel:\n  | <0>Kernel panic - not syncing: sysrq triggered crash\n",
  );
});

test("whyOf() a trial with nothing but an old dump has no kernel lines", async () => {
  const image = await installed();
  const old = { "dmesg-ramoops-0": "Panic#1 Part1\nlong ago" };
  await upgradeTo("v2", withDumps(image, FIRST_BOOT, old));
  await recordFall(withDumps(image, FALLEN, old));
  expect(why(image).fall).not.toHaveProperty("kernel");
});

const PLAN = {
  required: ["/r"],
  wanted: [],
  checkSeconds: 60,
  deadlineSeconds: 300,
  expect: { mounted: [], noFailedUnits: false, freeSpace: {}, urls: [], tcp: [], processes: [] },
};

test("whyOf() a trial whose checks failed has each failure and its output", async () => {
  const image = await armed();
  const trial = memoryMachine(image.file(), TRIAL_BOOT, checkedSystem({ "/r/net": FAILED }));
  await health(workOn(trial), trial, PLAN);
  await health(workOn(trial), trial, PLAN);
  await recordFall(memoryMachine(image.file(), FALLEN));
  const answer = why(image);
  expect(answer.fall).toMatchObject({ stage: "checks", output: "/r/net:\nno network" });
  expect(whyText(answer)).toContain("what its checks printed last:\n  | /r/net:\n  | no network\n");
  expect(answer.advice).toEqual(["Look at what the failed checks printed.", REFUSED]);
  expect(texts(answer).at(-1)).toContain("/r/net ended with status 3");
});

async function checkIn(image: PagedImage, boot: string, net = FAILED): Promise<void> {
  const machine = memoryMachine(image.file(), boot, checkedSystem({ "/r/net": net }));
  await health(workOn(machine), machine, PLAN);
}

test("whyOf() a good slot whose checks fail has their output, until they pass", async () => {
  const image = await installed();
  await checkIn(image, FIRST_BOOT);
  const answer = why(image, FIRST_BOOT);
  expect(answer).toMatchObject({
    about: "failing",
    slot: "a",
    failing: { output: "/r/net:\nno network" },
  });
  expect(whyText(answer)).toBe(
    [
      "Slot a (v1) runs and is the good one.",
      "Slot a boots next.",
      `Its checks failed at ${answer.failing?.at}: /r/net ended with status 3`,
      "what they printed:",
      "  | /r/net:",
      "  | no network",
      "Look at what the failed checks printed.",
    ].join("\n"),
  );
  await checkIn(image, FIRST_BOOT, PASSED);
  expect(why(image, FIRST_BOOT)).toMatchObject({ about: "nothing", failing: undefined });
});

test("whyOf() a fall to a good slot whose checks fail, too, has both", async () => {
  const image = await armed();
  await checkIn(image, FALLEN);
  const answer = why(image);
  expect(answer).toMatchObject({ about: "fall", slot: "b", failing: { slot: "a" } });
  expect(whyText(answer)).toContain(
    "\n\nSlot a (v1) runs and is the good one.\nSlot a boots next.\nIts checks",
  );
});

test("whyOf() a good slot that used up its limit has the output of its checks", async () => {
  const image = await withRecovery(2);
  await checkIn(image, "tandem.slot=a tandem.gen=2 tandem.left=1");
  const boot = "tandem.slot=recovery tandem.gen=2 tandem.gave_up=a:limit";
  await recordFall(memoryMachine(image.file(), boot));
  const answer = why(image, boot);
  expect(answer.fall).toMatchObject({ slot: "a", stage: "limit", output: "/r/net:\nno network" });
  expect(answer.failing).toBeUndefined();
});

test.each([
  ["kernel", "Run tandem verify b to learn whether the medium still holds what was written."],
  ["tries", "Try the image where its console can be seen."],
])("whyOf() gives advice on a fall by %s", async (reason, advice) => {
  const image = await armed();
  const boot = `tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=${reason}`;
  await recordFall(memoryMachine(image.file(), boot));
  expect(why(image).advice[0]).toBe(advice);
});

test("whyOf() a slot that a person has given up", async () => {
  const image = await armed();
  await markBad(memoryMachine(image.file(), FIRST_BOOT), "b", "it leaks");
  const answer = why(image);
  expect(texts(answer).at(-1)).toBe("slot b was given up: by hand (it leaks)");
  expect(answer.advice).toEqual(["An upgrade overwrites slot b.", REFUSED]);
});

test("whyOf() a fall of a slot whose image is not known", async () => {
  const image = await armed();
  const { memory } = memoryMachine(image.file());
  await memory.writeState(withSlot(memory.state, "b", { status: "unknown" }));
  await recordFall(memoryMachine(image.file(), FALLEN));
  expect(texts(why(image))[0]).toBe("slot b with what it held was to be tried, 3 time(s) at most");
});

test("whyOf() two falls under one record is one story", async () => {
  const image = await withRecovery(2);
  await upgradeTo("v2", memoryMachine(image.file(), "tandem.slot=a tandem.gen=2"));
  const boot =
    "tandem.slot=recovery tandem.gen=3 tandem.gave_up=a:limit tandem.fell=b tandem.why=tries";
  await recordFall(memoryMachine(image.file(), boot));
  const answer = why(image, boot);
  expect(texts(answer).map((text) => text.split(":")[0])).toEqual([
    "slot b with v2 was to be tried, 3 time(s) at most",
    "slot b was given up",
    "slot a was given up",
  ]);
  expect(answer.now).toEqual(["Slot recovery (rescue) runs.", "Slot recovery boots next."]);
  expect(answer.advice[0]).toContain("Run tandem verify a to learn whether it has rotted");
});

test.each([
  ["with a reason", "the registry went away", "the registry went away"],
  [
    "without an error message",
    undefined,
    "the upgrade stopped without an error message: the power failed, or it was killed",
  ],
])("whyOf() an upgrade that ended %s", async (_, reason, want) => {
  const image = await installed();
  const { memory } = memoryMachine(image.file());
  const at = new Date(0).toISOString();
  const held = { status: "writing", source: "oci:x", digest: "sha256:1", startedAt: at } as const;
  const state = withSlot(memory.state, "b", held);
  const event = { at, kind: "failed", slot: "b", digest: "sha256:1", text: reason ?? "" } as const;
  await memory.writeState({ ...state, history: reason === undefined ? [] : [event] });
  const answer = why(image, FIRST_BOOT);
  expect(answer).toMatchObject({ about: "unfinished", slot: "b" });
  expect(texts(answer)).toEqual(["slot b was to be given sha256:1 from oci:x", want]);
  expect(answer.advice).toEqual([
    "Slot b cannot be booted. Run the upgrade again: it starts from the beginning.",
  ]);
});

test("whyOf() writes nothing, and says that the records are lost", async () => {
  const image = await armed();
  image.write(0, new Uint8Array(0x2000));
  const before = image.bytes();
  expect(why(image, "").now).toEqual([
    "This machine does not run from this disk.",
    "Both copies of the boot record are lost.",
  ]);
  expect(image.bytes()).toEqual(before);
});
