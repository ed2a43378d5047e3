import { expect, test } from "bun:test";
import { folderMemory } from "../../src/control/folder-memory.ts";
import { Memory } from "../../src/control/memory.ts";
import { emptyState, withEvent, withSlot, type State } from "../../src/control/state.ts";
import { type DurableFiles, durableFilesOn } from "../../src/system/durable-files.ts";
import { LossyFiles, type Tree } from "../fakes/lossy-files.ts";
import { rejection } from "../fakes/source.ts";
import { WRITTEN } from "./written-slot.ts";

const FOLDER = "/tandem";
const NEW: Tree = new Map([["/", undefined]]);
const filesOn = (tree: Tree): DurableFiles => durableFilesOn(new LossyFiles(tree, () => 0).calls);
const memoryOn = (files: DurableFiles): Memory => new Memory(folderMemory(files, FOLDER));

const ONE = withSlot(emptyState(), "a", WRITTEN);
const event = { at: "2026-11-22T12:00:00Z", kind: "verify", text: "x".repeat(9000) } as const;
const TWO = withEvent(ONE, event);

test("a folder without files is blank, and keeps what is written to it", async () => {
  const files = filesOn(NEW);
  const memory = memoryOn(files);
  expect([memory.isBlank, memory.hasState]).toEqual([true, false]);
  expect(memory.stateProblems).toEqual([
    "copy 0 of the state cannot be used: it is empty",
    "copy 1 of the state cannot be used: it is empty",
  ]);
  for (const state of [ONE, TWO, ONE]) {
    await memory.writeState(state);
    expect(memoryOn(files).state).toEqual(state);
  }
  expect(
    files
      .list(FOLDER)
      ?.map(({ name }) => name)
      .toSorted(),
  ).toEqual(["state-0", "state-1"]);
  expect(memoryOn(files).stateProblems).toEqual([]);
  // A file of another program stays, and says nothing about the memory.
  files.create(`${FOLDER}/notes`, [Uint8Array.of(1)]);
  await memory.empty();
  expect([memory.isBlank, memory.hasState]).toEqual([true, false]);
  expect(files.list(FOLDER)?.map(({ name }) => name)).toEqual(["notes"]);
});

/** The memory after states were written, and then a file was damaged. */
async function after(
  states: readonly State[],
  damage: (files: DurableFiles) => void,
): Promise<Memory> {
  const files = filesOn(NEW);
  const memory = memoryOn(files);
  for (const state of states) await memory.writeState(state);
  damage(files);
  return memoryOn(files);
}

const tear = (name: string) => (files: DurableFiles) => {
  const path = `${FOLDER}/${name}`;
  const bytes = Buffer.concat([...files.read(path)]);
  files.remove(path);
  files.create(path, [bytes.subarray(0, 99)]);
};
const lose = (name: string) => (files: DurableFiles) => files.remove(`${FOLDER}/${name}`);

test.each([
  ["the newer copy is torn", tear("state-1"), ONE, /^copy 1 .*: it claims \d+ bytes of text$/],
  ["the newer copy is missing", lose("state-1"), ONE, /^copy 1 .*: it is empty$/],
  ["the older copy is torn", tear("state-0"), TWO, /^copy 0 .*: it claims \d+ bytes of text$/],
  ["the older copy is missing", lose("state-0"), TWO, /^copy 0 .*: it is empty$/],
])("where %s the other one counts, and the next write makes both whole", async (...row) => {
  const [, damage, state, problem] = row;
  const memory = await after([ONE, TWO], damage);
  expect(memory.state).toEqual(state);
  expect(memory.stateProblems).toEqual([expect.stringMatching(problem)]);
  await memory.writeState(TWO);
  expect([memory.state, memory.stateProblems]).toEqual([TWO, []]);
});

test("a torn first copy is blank, and any other file is not", async () => {
  expect((await after([ONE], tear("state-0"))).isBlank).toBe(true);
  const both = (files: DurableFiles): void =>
    [0, 1].forEach((copy) => tear(`state-${copy}`)(files));
  expect((await after([ONE, TWO], both)).isBlank).toBe(false);
});

test("a power cut anywhere in two writes leaves the old state or the new one", async () => {
  const lossy = new LossyFiles(NEW, () => 0);
  const memory = memoryOn(durableFilesOn(lossy.calls));
  const states = [undefined, ONE, TWO];
  for (const state of [ONE, TWO]) await memory.writeState(state);
  const seen = new Set<number>();
  for (const { name, tree } of lossy.cutsAt(0)) {
    const left = memoryOn(filesOn(new Map([...NEW, ...tree])));
    const found = left.hasState ? left.state : undefined;
    const index = states.findIndex((state) => Bun.deepEquals(state, found));
    expect({ name, index }).not.toEqual({ name, index: -1 });
    // A write that has returned is never lost.
    expect({ name, went: Math.max(0, ...seen) - index < 2 }).toEqual({ name, went: true });
    if (found === undefined)
      expect({ name, isBlank: left.isBlank }).toEqual({ name, isBlank: true });
    seen.add(index);
  }
  expect(seen).toEqual(new Set([0, 1, 2]));
});

test("a medium that holds something else afterwards, or is full, is an error that names the folder", async () => {
  const files = filesOn(NEW);
  const lying = { ...files, read: () => [Uint8Array.of(1)] };
  const error = await rejection(memoryOn(lying).writeState(ONE));
  expect(error).toMatchObject({
    code: "disk",
    message: "Cannot use tandem's memory in /tandem: the medium holds something else afterwards",
  });
  const full = {
    ...files,
    create() {
      throw Object.assign(new Error("no room"), { code: "ENOSPC" });
    },
  };
  expect(await rejection(memoryOn(full).writeState(ONE))).toMatchObject({ code: "no-space" });
});
