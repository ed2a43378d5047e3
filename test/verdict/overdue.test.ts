import { expect, test } from "bun:test";
import { SILENT } from "../../src/lib/talk.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { giveUpOverdue, type OnMachine } from "../../src/verdict/overdue.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memoryMachine, memorySystem } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { armed, installed, TRIAL_BOOT, upgradeTo } from "../upgrade/disk.ts";

const GOOD_BOOT = "tandem.slot=a tandem.gen=1 tandem.left=2";
const MARK = { "/run/tandem/verdict": "id\n", "/proc/sys/kernel/random/boot_id": "id\n" };

interface World {
  readonly image: PagedImage;
  readonly cmdline: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Other runs, which end one after the other during the wait for the lock. */
  readonly others?: readonly (() => unknown)[];
  /** Whether reading without the lock fails. */
  readonly isBusy?: boolean;
}

type Outcome = Awaited<ReturnType<typeof giveUpOverdue>> & { readonly did: readonly string[] };

async function giveUp({
  image,
  cmdline,
  files = {},
  others = [],
  isBusy,
}: World): Promise<Outcome> {
  const did: string[] = [];
  const queue = [...others];
  const base = memorySystem();
  const system = {
    ...base,
    files: memoryFiles(files),
    probe: {
      ...base.probe,
      async pause() {
        did.push("pause");
        await Promise.resolve();
      },
    },
  };
  const on: OnMachine = async ({ lock, whileLocked }, action) => {
    if (!lock && isBusy === true) throw new Error("half of it was written");
    if (lock && queue.length > 0) {
      whileLocked?.();
      await queue.shift()?.();
    }
    did.push(lock ? "lock" : "read");
    return action(memoryMachine(image.file(), cmdline, system));
  };
  const work = { system, talk: SILENT, signal: new AbortController().signal };
  const result = await giveUpOverdue(work, on, () => void did.push("wait"));
  return { ...result, did };
}

const now = (image: PagedImage): Machine => memoryMachine(image.file());

test("giveUpOverdue() of a counted boot without a verdict notes that it failed", async () => {
  const image = await armed();
  const result = await giveUp({ image, cmdline: TRIAL_BOOT });
  expect(result).toMatchObject({ slot: "b", healthy: false, stay: undefined });
  expect(result.did).toEqual(["read", "lock"]);
  expect(now(image).loaderData.record).toMatchObject({ gen: 2, trial: "b" });
  expect(now(image).memory.state.slots.b).toMatchObject({
    verdict: { result: "bad", reason: "it gave no verdict in time" },
  });
});

test.each([
  ["has its verdict", TRIAL_BOOT, {}],
  ["is not counted", "tandem.slot=a tandem.gen=3", {}],
  ["could not be counted", `${TRIAL_BOOT} tandem.uncounted`, {}],
])("giveUpOverdue() of a boot that %s does not take the lock", async (...row) => {
  const [, cmdline, files] = row;
  const image = await armed();
  await markGood(memoryMachine(image.file(), TRIAL_BOOT), undefined, "it is");
  const before = image.bytes();
  const result = await giveUp({ image, cmdline, files });
  expect(result).toMatchObject({ healthy: true, failure: undefined, did: ["read"] });
  expect(image.bytes()).toEqual(before);
});

test("giveUpOverdue() believes only the verdict mark of this boot", async () => {
  const image = await installed(3);
  const marked = { image, cmdline: GOOD_BOOT, files: MARK };
  expect(await giveUp(marked)).toMatchObject({ healthy: true, did: ["read"] });
  const files = { ...MARK, "/proc/sys/kernel/random/boot_id": "another\n" };
  expect(await giveUp({ ...marked, files })).toMatchObject({ healthy: false });
});

test("giveUpOverdue() waits for an upgrade, and then writes why it gives the boot up", async () => {
  const image = await installed(3);
  const upgrade = (): unknown => upgradeTo("v2", memoryMachine(image.file(), GOOD_BOOT));
  const result = await giveUp({ image, cmdline: GOOD_BOOT, others: [upgrade] });
  expect(result).toMatchObject({ slot: "a", healthy: false, stay: undefined });
  expect(result.did).toEqual(["read", "wait", "lock", "pause", "lock"]);
  const { loaderData, memory } = now(image);
  expect(loaderData.record).toMatchObject({ good: "a", trial: "b" });
  expect(memory.state.slots.b).toMatchObject({ status: "written" });
  expect(memory.state.history.at(-1)).toMatchObject({
    kind: "failed",
    slot: "a",
    text: "it gave no verdict in time",
  });
});

test("giveUpOverdue() lets checks that wait for the same upgrade go first", async () => {
  const image = await armed();
  const checks = (): unknown =>
    markGood(memoryMachine(image.file(), TRIAL_BOOT), undefined, "all passed");
  const result = await giveUp({ image, cmdline: TRIAL_BOOT, others: [() => undefined, checks] });
  expect(result.healthy).toBeTrue();
  expect(result.did).toEqual(["read", "wait", "lock", "pause", "wait", "lock"]);
  expect(now(image).loaderData.record).toMatchObject({ good: "b", trial: undefined });
});

test("giveUpOverdue() that cannot read during another run waits for the run", async () => {
  const image = await armed();
  const others = [() => undefined];
  const result = await giveUp({ image, cmdline: TRIAL_BOOT, others, isBusy: true });
  expect(result).toMatchObject({ healthy: false, did: ["wait", "lock", "pause", "lock"] });
});

test("giveUpOverdue() of a machine that does not run from the disk changes nothing", async () => {
  const image = await installed();
  expect(await rejection(giveUp({ image, cmdline: "" }))).toMatchObject({ code: "disk" });
});
