import { expect, test } from "bun:test";
import type { SlotState, State } from "../../src/control/state.ts";
import { withSlot, withVerdict } from "../../src/control/state.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { memoryMachine } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";
import { armed, FIRST_BOOT, installed, TRIAL_BOOT, upgraded } from "./disk.ts";

const AT = new Date(0).toISOString();
/** v2 in slot b is good and runs. */
const SECOND_BOOT = "tandem.slot=b tandem.gen=3";

test.each([
  ["pending", FIRST_BOOT],
  ["running", TRIAL_BOOT],
])("rollback() withdraws a trial that is %s", async (_, cmdline) => {
  const image = await armed();
  const result = await rollback(memoryMachine(image.file(), cmdline), 5);
  expect(result).toEqual({ slot: "a", outcome: "withdrawn", tries: 0 });
  const { loaderData, memory } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 3, good: "a", trial: undefined, tries: 0 });
  expect(memory.state.history.at(-1)).toMatchObject({ kind: "rollback", slot: "b" });
});

test("rollback() of a good upgrade puts the other slot on trial", async () => {
  const image = await upgraded();
  const result = await rollback(memoryMachine(image.file(), SECOND_BOOT), 5);
  expect(result).toEqual({ slot: "a", outcome: "armed", tries: 5 });
  const { loaderData } = memoryMachine(image.file());
  expect(loaderData.record).toMatchObject({ gen: 4, good: "b", trial: "a", tries: 5 });
  expect(loaderData.record?.last).toBeUndefined();
});

async function change(machine: Machine, to: (state: State) => State): Promise<void> {
  await machine.memory.writeState(to(machine.memory.state));
}

const unfinished: SlotState = { status: "writing", source: "x", digest: "y", startedAt: AT };

test.each<[string, (machine: Machine) => Promise<void>]>([
  [
    "writing it was never finished",
    (machine) => change(machine, (state) => withSlot(state, "a", unfinished)),
  ],
  [
    "it is empty",
    (machine) => change(machine, (state) => withSlot(state, "a", { status: "empty" })),
  ],
  [
    "it was never read back",
    (machine) =>
      change(machine, (state) => {
        const { verifiedAt: _, ...held } = { verifiedAt: "", ...state.slots.a };
        return withSlot(state, "a", held);
      }),
  ],
  [
    "it was found bad: it hung",
    (machine) =>
      change(machine, (state) =>
        withVerdict(state, "a", { result: "bad", reason: "it hung", at: AT }),
      ),
  ],
  ["its boot spec cannot be used: ", (machine) => machine.loaderData.eraseSpec("a")],
])("rollback() is refused when of the other slot %s", async (problem, damage) => {
  const image = await upgraded();
  await damage(memoryMachine(image.file()));
  const before = image.bytes();
  const error = await rejection(rollback(memoryMachine(image.file(), SECOND_BOOT), 3));
  expect(error).toMatchObject({
    code: "disk",
    message: expect.stringContaining(`Cannot roll back to slot a: ${problem}`),
  });
  expect(image.bytes()).toEqual(before);
});

test("rollback() of a new disk is refused", async () => {
  const machine = memoryMachine((await installed()).file(), FIRST_BOOT);
  await expect(rollback(machine, 3)).rejects.toThrow("Cannot roll back to slot b: it is empty");
});

test("rollback() needs a boot record", async () => {
  const image = await upgraded();
  image.write(0, new Uint8Array(0x2000));
  await expect(rollback(memoryMachine(image.file()), 3)).rejects.toMatchObject({ code: "boot" });
});
