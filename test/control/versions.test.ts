/** States of earlier and later versions. This version must keep everything in them. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { encodeEnvelope, openEnvelope } from "../../src/control/state-copy.ts";
import { bootableSlots, unfitSlots, withEvent, withSlot } from "../../src/control/state.ts";
import { checkState } from "../../src/doctor/state.ts";
import { markBad, markGood } from "../../src/verdict/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { statusText } from "../../src/cli/status-text.ts";
import { whyOf } from "../../src/verdict/why.ts";
import { controlIn } from "../fakes/control.ts";
import { controlOf, memoryMachine } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { upgradeTo, withRecovery } from "../upgrade/disk.ts";
import { WRITTEN } from "./written-slot.ts";

const FOLDER = join(import.meta.dir, "../fixtures/states");
const STATES = [0x10000, 0x80000] as const;
const STATE_BYTES = 0x70000;
const AT = "2026-11-22T12:00:00.000Z";
const BOOT = "tandem.slot=a tandem.gen=5 tandem.left=2";

type Json = { [name: string]: Json } | Json[] | string | number;

/** A disk with the control partition that a release left behind. Its slots are empty: nothing here reads them. */
async function diskOf(version: string): Promise<PagedImage> {
  const image = await withRecovery();
  image.write(0, gunzipSync(readFileSync(join(FOLDER, `${version}.control.gz`))));
  return image;
}

/** The JSON of the copy in force. */
function rawState(image: PagedImage): { generation: number; json: { [name: string]: Json } } {
  const copies = STATES.map((at) => openEnvelope(image.bytes().slice(at, at + STATE_BYTES)));
  const whole = copies.flatMap((copy) => ("invalid" in copy ? [] : [copy]));
  const [newest] = whole.toSorted((one, other) => other.generation - one.generation);
  if (newest === undefined) throw new Error("no copy is whole");
  return newest as ReturnType<typeof rawState>;
}

/** Puts a state where a newer tandem would have written it. */
function writeRaw(image: PagedImage, json: Json, generation: number): void {
  for (const [index, at] of STATES.entries()) {
    image.write(at, new Uint8Array(STATE_BYTES));
    const text = Buffer.from(JSON.stringify(json));
    image.write(at, encodeEnvelope(generation - index, text));
  }
}

/** Adds an unknown member to every object. */
function extended(json: Json): Json {
  if (Array.isArray(json)) return json.map((one) => extended(one));
  if (typeof json !== "object") return json;
  const members = Object.entries(json).map(([name, value]) => [name, extended(value)] as const);
  return { ...Object.fromEntries(members), later: "kept" };
}

function count(json: Json): number {
  return JSON.stringify(json).split('"later":"kept"').length - 1;
}

const versions = readdirSync(FOLDER).flatMap((name) => /^(.*)\.control\.gz$/.exec(name)?.[1] ?? []);

test("there is a state of each release", async () => {
  const changelog = await Bun.file("CHANGELOG.md").text();
  const headings = changelog.matchAll(/^## (\d+\.\d+\.\d+)/gm);
  const releases = [...headings].map(([, version = ""]) => version);
  expect(releases).toContain("0.1.0");
  expect(versions.toSorted()).toEqual(releases.toSorted());
});

test.each(versions)(
  "the state of %s is read whole, and written back without a loss",
  async (version) => {
    const image = await diskOf(version);
    const before = rawState(image);
    const machine = memoryMachine(image.file(), BOOT);
    const { loaderData, memory } = machine;
    expect([...loaderData.recordProblems, ...memory.stateProblems]).toEqual([]);
    expect(loaderData.record).toMatchObject({ good: "a", last: "recovery", limit: 3 });
    expect(statusOf(machine)).toMatchObject({
      problems: [],
      slots: [
        { slot: "a", status: "written", version: "v1", verdict: "good" },
        { slot: "b", status: "writing" },
        { slot: "recovery", status: "written", version: "rescue" },
      ],
      knownBad: [{ reason: "its tries were used up without a good verdict" }],
    });
    expect(memory.state.falls).toMatchObject([{ slot: "b", stage: "silent", gen: 4 }]);
    expect(statusOf(machine).history.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["written", "armed", "bad", "failed"]),
    );
    await memory.writeState(memory.state);
    expect(rawState(image)).toEqual({ ...before, generation: before.generation + 1 });
  },
);

test.each(versions)("what a later version adds to the state of %s is kept", async (version) => {
  const image = await diskOf(version);
  const { json, generation } = rawState(image);
  const members = count(extended(json));
  expect(members).toBeGreaterThan(8);
  writeRaw(image, extended(json), generation);
  const { memory } = memoryMachine(image.file(), BOOT);
  await memory.writeState(withEvent(memory.state, { at: AT, kind: "verify", text: "same" }));
  expect(count(rawState(image).json)).toBe(members);
  await markBad(memoryMachine(image.file(), BOOT), "recovery", "test");
  expect(count(rawState(image).json)).toBe(members);
});

/** The same version, with a status, a kind and a stage that this tandem does not know, and longer lists. */
async function later(): Promise<PagedImage> {
  const image = await diskOf("0.2.0");
  const { json, generation } = rawState(image);
  const history = Array.from({ length: 200 }, () => ({ at: AT, kind: "sealed", text: "its key" }));
  const falls = Array.from({ length: 9 }, () => ({
    at: AT,
    slot: "b",
    stage: "firmware",
    reason: "it was refused",
  }));
  const b = { status: "sealed", key: { of: "later" } };
  const slots = { ...(json["slots"] as object), b };
  writeRaw(image, { ...json, slots, history, falls }, generation);
  return image;
}

test("statuses, kinds and stages of a later version are shown as they are", async () => {
  const machine = memoryMachine((await later()).file(), BOOT);
  const status = statusOf(machine);
  expect(status.problems).toEqual([]);
  expect(status.slots[1]).toEqual({ slot: "b", role: "passive", booted: false, status: "sealed" });
  expect(status.history).toHaveLength(200);
  expect(statusText(status, machine.loader.ending)).toContain("slot b        passive, sealed");
  expect(statusText(status, machine.loader.ending)).toContain(`${AT}  sealed: its key`);
  expect(whyOf(machine).story.map(({ text }) => text)).toContain(
    "slot b was given up: firmware (it was refused)",
  );
  expect(bootableSlots(machine.memory.state)).not.toContain("b");
  expect(unfitSlots(machine.memory.state)).not.toContain("b");
  await expect(rollback(machine, 3, "b")).rejects.toThrow("Cannot roll back to slot b: ");
});

test("statuses, kinds and stages of a later version are written back as they were", async () => {
  const image = await later();
  const { memory } = memoryMachine(image.file(), BOOT);
  await memory.writeState(withEvent(memory.state, { at: AT, kind: "verify", text: "same" }));
  const { json } = rawState(image);
  expect(json).toMatchObject({ slots: { b: { status: "sealed", key: { of: "later" } } } });
  expect(json["history"]).toHaveLength(200);
  expect(json["falls"]).toHaveLength(9);
  await markBad(memoryMachine(image.file(), BOOT), "b", "test");
  expect(rawState(image).json).toMatchObject({
    slots: { b: { status: "sealed", key: { of: "later" }, verdict: { result: "bad" } } },
  });
});

/** A state of version 2, which has changed what version 1 knows. */
async function newer(version = 2): Promise<PagedImage> {
  const image = await diskOf("0.2.0");
  const { json, generation } = rawState(image);
  const slots = json["slots"] as { [name: string]: Json };
  const a = {
    ...(slots["a"] as object),
    runs: "elsewhere",
    verdict: { result: "good", reason: "ok", at: AT },
  };
  const history = [
    { kind: "sealed", when: 1 },
    { at: AT, kind: "armed", slot: "b", text: "3" },
  ];
  writeRaw(image, { ...json, version, slots: { ...slots, a }, history }, generation);
  return image;
}

function states(image: PagedImage): Uint8Array {
  return image.bytes().slice(STATES[0], STATES[1] + STATE_BYTES);
}

test("a state of a higher version is read as far as it is understood", async () => {
  const machine = memoryMachine((await newer()).file(), BOOT);
  const status = statusOf(machine);
  expect(status.problems).toEqual([
    "the state has version 2, of a newer tandem: it stays as it is, and what this one remembers is kept beside it",
  ]);
  expect(status.slots).toMatchObject([
    { slot: "a", status: "written", verdict: "good" },
    { slot: "b", status: "writing" },
    { slot: "recovery", status: "written", version: "rescue" },
  ]);
  expect(status.history).toEqual([{ at: AT, kind: "armed", slot: "b", text: "3" }]);
  expect(checkState(machine, new Map())).toMatchObject({ verdict: "warn" });
  expect(checkState(machine, new Map())).not.toHaveProperty("repair");
  expect(bootableSlots(machine.memory.state)).toEqual(["a", "recovery"]);
});

test("a state of a higher version is never overwritten, and changes are kept beside it", async () => {
  const image = await newer();
  const before = states(image);
  await markGood(memoryMachine(image.file(), BOOT), undefined, "test");
  await upgradeTo("v4", memoryMachine(image.file(), BOOT));
  await markBad(memoryMachine(image.file(), BOOT), "b", "it smells");
  await upgradeTo("v5", memoryMachine(image.file(), BOOT));
  expect(states(image)).toEqual(before);
  const { loaderData, memory } = memoryMachine(image.file(), BOOT);
  expect(loaderData.record).toMatchObject({ good: "a", trial: "b" });
  expect(memory.state).toMatchObject({
    slots: { b: { status: "written", version: "v5" } },
    falls: [{ stage: "silent" }, { stage: "hand", reason: "it smells" }],
  });
  expect(memory.state.knownBad).toHaveLength(2);
  expect(memory.state.history.map(({ kind }) => kind)).toEqual(["armed", "armed", "bad", "armed"]);
});

test("a power cut during a write beside the state leaves the old or the new changes", async () => {
  const disk = new RecordedDisk(await newer());
  const { memory } = memoryMachine(disk.file, BOOT);
  const texts = ["one", "two", "three"];
  const after = [0];
  for (const text of texts) {
    await memory.writeState(withEvent(memory.state, { at: AT, kind: "verify", text }));
    after.push(disk.operations.length);
  }
  const start = states(disk.image());
  let cuts = 0;
  for (const cut of disk.cuts()) {
    const done = after.findLastIndex((operations) => operations <= cut.after);
    const found = controlIn(controlOf(cut.image.file())).memory.state.history.slice(1);
    const allowed = cut.after === after[done] ? [done] : [done, done + 1];
    expect([cut.name, allowed.includes(found.length)]).toEqual([cut.name, true]);
    expect(found.map(({ text }) => text)).toEqual(texts.slice(0, found.length));
    expect(states(cut.image)).toEqual(start);
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(20);
});

test("the newer tandem takes over the changes beside the state, once", async () => {
  const image = await newer();
  await upgradeTo("v4", memoryMachine(image.file(), BOOT));
  await markBad(memoryMachine(image.file(), BOOT), "b", "it smells");
  // For the newer tandem the state has its own version.
  const { generation, json } = rawState(image);
  const { json: whole } = rawState(await diskOf("0.2.0"));
  writeRaw(image, { ...whole, news: "of version 2" }, generation);
  const { memory } = memoryMachine(image.file(), BOOT);
  const merged = memory.state;
  expect(json["version"]).toBe(2);
  expect(merged).toMatchObject({ slots: { b: { version: "v4", verdict: { result: "bad" } } } });
  expect(merged.history.slice(-2).map(({ kind }) => kind)).toEqual(["armed", "bad"]);
  expect(merged.falls).toHaveLength(2);
  expect(merged.knownBad).toHaveLength(2);
  await memory.writeState(merged);
  expect(controlIn(controlOf(image.file())).memory.state).toEqual(merged);
  expect(rawState(image).json).toMatchObject({
    news: "of version 2",
    slots: { b: { version: "v4" } },
  });
  // The changes belong to a state that is no longer in force.
  await memory.writeState(withSlot(merged, "b", { status: "empty" }));
  expect(controlIn(controlOf(image.file())).memory.state.slots.b).toEqual({ status: "empty" });
});

test("changes beside a state do not count for another state", async () => {
  const image = await newer();
  await markBad(memoryMachine(image.file(), BOOT), "recovery", "it smells");
  const { generation, json } = rawState(image);
  writeRaw(image, json, generation + 1);
  const { memory } = memoryMachine(image.file(), BOOT);
  expect(memory.state.slots.recovery).not.toHaveProperty("verdict");
  await memory.writeState(withEvent(memory.state, { at: AT, kind: "verify", text: "again" }));
  const again = memoryMachine(image.file(), BOOT).memory.state;
  expect(again.history.at(-1)?.text).toBe("again");
  expect(again.slots.recovery).not.toHaveProperty("verdict");
});

test("changes that do not fit beside the state are an error, and the state stays", async () => {
  const image = await newer();
  const before = states(image);
  const { memory } = memoryMachine(image.file(), BOOT);
  const runs = Array.from({ length: 5000 }, (_, index): [number, number] => [index * 512, 256]);
  const huge = withSlot(memory.state, "b", { ...WRITTEN, runs });
  await expect(memory.writeState(huge)).rejects.toThrow("it is larger than 32768 bytes");
  expect(states(image)).toEqual(before);
});
