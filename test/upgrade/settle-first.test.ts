import { expect, test } from "bun:test";
import { emptyState, withSlot } from "../../src/control/state.ts";
import { isNewDisk } from "../../src/machine/new-disk.ts";
import { settleFirst } from "../../src/upgrade/settle-first.ts";
import { WRITTEN } from "../control/written-slot.ts";
import { DISK_BYTES, memoryMachine } from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";

test("a disk is new until settleFirst()", async () => {
  const machine = memoryMachine(PagedImage.zeros(DISK_BYTES).file());
  await machine.memory.writeState(withSlot(emptyState(), "a", WRITTEN));
  expect(isNewDisk(machine)).toBe(true);
  await settleFirst({ ...machine, limit: 3 }, "a", WRITTEN.digest);
  expect(isNewDisk(machine)).toBe(false);
  expect(machine.loaderData.record).toMatchObject({ gen: 1, good: "a", limit: 3, last: undefined });
  expect(machine.memory.state.slots.a).toMatchObject({ verdict: { result: "good" } });
});
