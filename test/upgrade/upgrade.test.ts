import { expect, test } from "bun:test";
import { disarm } from "../../src/control/decide.ts";
import { withKnownBad } from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { SILENT, type Talk } from "../../src/lib/talk.ts";
import type { LayeredSource, Source } from "../../src/source/source.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { type Machine, recordOf } from "../../src/machine/machine.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { upgrade, upgradeFrom } from "../../src/upgrade/upgrade.ts";
import { memoryMachine, memorySource, memorySystem, slotOf } from "../fakes/machine.ts";
import { memoryLayers } from "../fakes/layers.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { armed, FIRST_BOOT, installed, REQUEST, TRIAL_BOOT, upgradeTo, workOn } from "./disk.ts";

const V2 = memorySource("v2").digest;

test("upgradeFrom() writes slot b, describes it and arms it", async () => {
  const image = await installed();
  const report = await upgradeTo("v2", memoryMachine(image.file(), FIRST_BOOT), { tries: 5 });
  expect(report).toMatchObject({
    outcome: "upgraded",
    slot: "b",
    digest: V2,
    version: "v2",
    tries: 5,
  });
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 2, good: "a", trial: "b", tries: 5 });
  expect(memory.state.slots.b).toMatchObject({
    status: "written",
    digest: V2,
    source: "memory:v2",
    version: "v2",
    verifiedAt: expect.any(String),
    kernel: { kernel: "/boot/vmlinuz", initrd: "/boot/initrd" },
  });
  expect(loaderData.spec("b")).toMatchObject({
    kernel: "/boot/vmlinuz",
    address: { part: "3" },
    digest: V2,
  });
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "armed", slot: "b", digest: V2 });
});

test("upgradeFrom() does not reboot: the caller does", async () => {
  const system = memorySystem();
  const machine = memoryMachine((await installed()).file(), FIRST_BOOT, system);
  await upgradeTo("v2", machine, { reboot: true });
  expect(system.reboots).toEqual([]);
});

test("upgradeFrom() goes on from a trial that others have confirmed", async () => {
  const image = await armed();
  const machine = memoryMachine(image.file(), TRIAL_BOOT);
  const why = "Cannot upgrade while slot b is on trial";
  expect(await rejection(upgradeTo("v3", machine))).toMatchObject({
    message: expect.stringContaining(why),
  });
  const loader = { ...machine.loader, confirmation: () => "a stage was reached" };
  await upgradeTo("v3", { ...machine, loader });
  expect(machine.loaderData.record).toMatchObject({ good: "b", trial: "a" });
  expect(machine.memory.state.history.map(({ kind }) => kind)).toEqual(["armed", "good", "armed"]);
});

test("upgradeFrom() withdraws a pending trial before it writes", async () => {
  const image = await armed();
  await upgradeTo("v3", memoryMachine(image.file(), FIRST_BOOT));
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 4, good: "a", trial: "b" });
  expect(memory.state.slots.b).toMatchObject({ digest: memorySource("v3").digest });
  expect(memory.state.history.map(({ kind }) => kind)).toEqual(["armed", "disarmed", "armed"]);
});

/** The image's documents, but nothing of its layers. */
function unfetched(version: string): LayeredSource {
  return {
    ...memorySource(version),
    blob() {
      throw new Error("a layer was fetched");
    },
  };
}

const WITHDRAWN: readonly [string, (machine: Machine) => Promise<unknown>][] = [
  ["was withdrawn", (machine) => rollback(machine, 3)],
  [
    "was taken back by an upgrade that was cut off",
    (machine) => machine.loader.commit(disarm(recordOf(machine))),
  ],
];
test.each(WITHDRAWN)(
  "an image whose trial %s is tried again without fetching it",
  async (_, withdraw) => {
    const image = await armed();
    await withdraw(memoryMachine(image.file(), FIRST_BOOT));
    const before = slotOf(image.file(), "b");
    const bytes = readBlock(before, 0, before.sizeBytes);
    const report = await upgradeTo(unfetched("v2"), memoryMachine(image.file(), FIRST_BOOT));
    expect(report).toMatchObject({
      outcome: "upgraded",
      slot: "b",
      digest: V2,
      version: "v2",
      bytesWritten: 0,
      seconds: { compare: expect.any(Number), arm: expect.any(Number) },
    });
    const { loaderData, memory } = memoryMachine(image.file());
    expect(loaderData.record).toMatchObject({ gen: 4, good: "a", trial: "b", tries: 3 });
    expect(memory.state.history.at(-1)).toMatchObject({ kind: "armed", slot: "b", digest: V2 });
    expect(readBlock(slotOf(image.file(), "b"), 0, before.sizeBytes)).toEqual(bytes);
  },
);

test("a slot that has changed is written again", async () => {
  const image = await armed();
  await rollback(memoryMachine(image.file(), FIRST_BOOT), 3);
  const at = Buffer.from(image.bytes()).indexOf("kernel of v2");
  image.write(at, Uint8Array.of(1));
  const warnings: string[] = [];
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const work = workOn(machine);
  const talk: Talk = { ...work.talk, warn: (text) => warnings.push(text) };
  const report = await upgradeFrom(memorySource("v2"), {
    work: { ...work, talk },
    machine,
    request: REQUEST,
  });
  expect(warnings).toEqual([
    expect.stringMatching(/^Cannot verify slot b: its bytes hash to .*, writing it again$/),
  ]);
  expect(report).toMatchObject({ outcome: "upgraded", slot: "b", digest: V2 });
  expect(Buffer.from(image.bytes()).indexOf("kernel of v2")).toBe(at);
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "a", trial: "b" });
});

test("upgradeFrom() with retryBad makes an image no longer known as bad", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  await knowBad(machine, V2);
  await upgradeTo("v2", machine, { retryBad: true });
  expect(memoryMachine(image.file()).memory.state.knownBad).toEqual([]);
});

test("upgradeFrom() prints its plan before the first step", async () => {
  const image = await installed();
  const before = image.bytes();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const lines: string[] = [];
  const talk: Talk = {
    info: (text) => {
      lines.push(text);
      expect(image.bytes()).toEqual(before);
    },
    warn() {},
    debug() {},
    progress() {},
  };
  const work = { ...workOn(machine), talk };
  await upgradeFrom(memorySource("v2"), { work, machine, request: REQUEST });
  expect(lines[0]).toStartWith(`Image memory:v2 is ${V2}, 1 layers, `);
  expect(lines.slice(1)).toEqual([
    "Plan 1: make slot b unbootable",
    "Plan 2: write the image to slot b",
    "Plan 3: read slot b back and compare",
    "Plan 4: record what is in slot b",
    "Plan 5: let the boot loader try slot b 3 time(s)",
  ]);
});

async function unchanged<T>(image: PagedImage, act: () => Promise<T>): Promise<T> {
  const before = image.bytes();
  const result = await act();
  expect(image.bytes()).toEqual(before);
  return result;
}

test("upgradeFrom() with dryRun returns the steps and writes nothing", async () => {
  const image = await armed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const said: string[] = [];
  const talk = { ...SILENT, info: (text: string) => void said.push(text) };
  const request = { ...REQUEST, dryRun: true };
  const job = { work: { ...workOn(machine), talk }, machine, request };
  const report = await unchanged(image, () => upgradeFrom(memorySource("v3"), job));
  // The plan is the result, so it is not printed a second time.
  expect(said).toEqual([expect.stringContaining("Image memory:v3 is")]);
  expect(report).toMatchObject({ outcome: "planned", slot: "b" });
  expect(report).toHaveProperty("steps.0", "take back the pending trial of slot b");
});

test.each([
  ["v1", "slot a already holds", installed],
  ["v2", "slot b already holds", armed],
])("upgradeFrom() to %s again does nothing", async (version, reason, start) => {
  const image = await start();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const report = await unchanged(image, () => upgradeTo(version, machine));
  expect(report).toMatchObject({ outcome: "nothing", reason: expect.stringContaining(reason) });
});

function knowBad({ memory }: Machine, digest: string): Promise<void> {
  const bad = { digest, reason: "it hung", at: new Date(0).toISOString() };
  return memory.writeState(withKnownBad(memory.state, bad));
}

test("a dry run goes on from a trial that others have confirmed, and writes nothing", async () => {
  const image = await armed();
  const machine = memoryMachine(image.file(), TRIAL_BOOT);
  const confirmed = { ...machine, loader: { ...machine.loader, confirmation: () => "a stage" } };
  expect(await unchanged(image, () => upgradeTo("v3", confirmed, { dryRun: true }))).toMatchObject({
    outcome: "planned",
    slot: "a",
  });
});

test("upgradeFrom() refuses while its own slot is on trial", async () => {
  const image = await armed();
  const machine = memoryMachine(image.file(), TRIAL_BOOT);
  const error = await unchanged(image, () => rejection(upgradeTo("v3", machine)));
  expect(error).toMatchObject({ code: "disk", message: expect.stringContaining("is on trial") });
});

test("upgradeFrom() refuses an image that was rolled back", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  await knowBad(machine, V2);
  const error = await unchanged(image, () => rejection(upgradeTo("v2", machine)));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining("it hung") });
});

test("upgradeFrom() refuses a layer that is larger than the slot, before it writes", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const large = memorySource("v2", [{ path: "large", data: new Uint8Array(9 * MiB) }]);
  const error = await unchanged(image, () => rejection(upgradeTo(large, machine)));
  expect(error).toMatchObject({
    code: "no-space",
    message: expect.stringContaining("Cannot write memory:v2 to slot b: needs more than"),
  });
});

test("upgradeFrom() refuses a disk without the other slot", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const { a } = machine.slots;
  const lone: Machine = { ...machine, slots: a === undefined ? {} : { a } };
  const error = await unchanged(image, () => rejection(upgradeTo("v2", lone)));
  expect(error).toMatchObject({ code: "disk", message: "Cannot upgrade: image has no slot b" });
});

test("upgradeFrom() refuses when both copies of the record are lost", async () => {
  const image = await installed();
  image.write(0, new Uint8Array(0x2000));
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const error = await unchanged(image, () => rejection(upgradeTo("v2", machine)));
  expect(error).toMatchObject({
    code: "boot",
    message: expect.stringContaining("Cannot read the boot record of image"),
  });
});

test("upgradeFrom() that is interrupted before the first step changes nothing", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const work = { ...workOn(machine), signal: AbortSignal.abort() };
  const error = await unchanged(image, () =>
    rejection(upgradeFrom(memorySource("v2"), { work, machine, request: REQUEST })),
  );
  expect(error).toMatchObject({ code: "interrupted" });
});

test("upgradeFrom() a source of kind filesystem is refused and changes nothing", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const source: Source = {
    kind: "filesystem",
    name: "file:/x.img",
    recipe: undefined,
    file: "/x.img",
    close() {},
  };
  const error = await unchanged(image, () => rejection(upgradeTo(source, machine)));
  expect(error).toMatchObject({
    code: "source",
    message: "Cannot write file:/x.img: it gives a file system, which tandem cannot write",
  });
});

/** `source` with what a blob of it gives. */
function withBlob(source: LayeredSource, blob: LayeredSource["blob"]): LayeredSource {
  return { ...source, blob };
}

interface Failing {
  readonly name: string;
  readonly source: LayeredSource;
  readonly code: string | undefined;
  readonly message: RegExp;
}

test.each<Failing>([
  {
    name: "has no kernel",
    source: memoryLayers([[{ path: "etc/os-release", data: "VERSION=v2" }]]),
    code: "content",
    message: /vmlinuz/,
  },
  {
    name: "is not what its diff id says",
    source: withBlob(memorySource("v2"), (layer) => memorySource("v3").blob(layer)),
    code: "content",
    message: /it decompresses to/,
  },
  {
    name: "does not fit once it is unpacked",
    source: memorySource("v2", [
      { path: "one", data: new Uint8Array(4 * MiB).fill(1) },
      { path: "two", data: new Uint8Array(3.5 * MiB).fill(2) },
    ]),
    code: "no-space",
    message: /^Cannot /,
  },
  {
    name: "breaks off",
    // oxlint-disable-next-line require-yield -- Nothing ever comes.
    source: withBlob(memorySource("v2"), async function* broken() {
      await Promise.resolve();
      throw new Error("the cable was pulled");
    }),
    code: undefined,
    message: /the cable was pulled/,
  },
])(
  "upgradeFrom() an image that $name leaves the old system alone",
  async ({ source, code, message }) => {
    const image = await installed();
    const { digest } = await source.image();
    const error = await rejection(upgradeTo(source, memoryMachine(image.file(), FIRST_BOOT)));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    const { loaderData, memory } = memoryMachine(image.file());
    expect(loaderData.record).toMatchObject({ gen: 1, good: "a", trial: undefined });
    expect(memory.state.slots).toMatchObject({
      a: { status: "written" },
      b: {
        status: "writing",
        digest,
      },
    });
    expect(loaderData.spec("b")).toHaveProperty("invalid");
    const next = await upgradeTo("v4", memoryMachine(image.file(), FIRST_BOOT));
    expect(next).toMatchObject({ outcome: "upgraded", slot: "b" });
  },
);

test("upgrade() refuses a source it does not understand, and changes nothing", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const request = { ...REQUEST, source: "floppy:a" };
  const error = await unchanged(image, () => rejection(upgrade(workOn(machine), machine, request)));
  expect(error).toMatchObject({ code: "source" });
});
