import { expect, test } from "bun:test";
import { emptyState, type State, withSlot } from "../../src/control/state.ts";
import { slotDigests, note, recordOf } from "../../src/machine/machine.ts";
import { WRITTEN } from "../control/written-slot.ts";
import { memoryMachine } from "../fakes/machine.ts";
import { installed } from "../upgrade/disk.ts";

const { verifiedAt: _, ...UNREAD } = WRITTEN;
const AT = "1970-01-01T00:00:00.000Z";

test.each<[string, (state: State) => State, [string, string][]]>([
  ["nothing", (state) => state, []],
  ["a slot that was read back", (state) => withSlot(state, "b", WRITTEN), [["b", WRITTEN.digest]]],
  ["a slot that was not read back", (state) => withSlot(state, "b", UNREAD), []],
  ["a slot of others", (state) => withSlot(state, "a", { status: "unknown" }), []],
  [
    "a slot that is being written",
    (state) => withSlot(state, "a", { status: "writing", source: "x", digest: "y", startedAt: AT }),
    [],
  ],
])("slotDigests() of %s", (...[, change, held]) => {
  expect([...slotDigests(change(emptyState()))]).toEqual(held as [never, string][]);
});

test("recordOf() gives the record, or says why none can be used and what to do", async () => {
  const image = await installed();
  expect(recordOf(memoryMachine(image.file()))).toMatchObject({ gen: 1, good: "a" });
  image.write(0, new Uint8Array(0x2000));
  const machine = memoryMachine(image.file());
  expect(() => recordOf(machine)).toThrow(
    expect.objectContaining({
      code: "boot",
      message: expect.stringMatching(
        /^Cannot read the boot record of image: copy 0 of .*; copy 1 of /,
      ),
      hint: expect.stringContaining("tandem mark good"),
    }),
  );
});

test("note() adds one event, with the time", async () => {
  const image = await installed();
  await note(memoryMachine(image.file()), { kind: "verify", slot: "a", text: "looked" });
  expect(memoryMachine(image.file()).memory.state.history).toEqual([
    { at: "1970-01-01T00:00:01.000Z", kind: "verify", slot: "a", text: "looked" },
  ]);
});
