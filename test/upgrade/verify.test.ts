import { expect, test } from "bun:test";
import type { Progress, Waiting } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { SlotName } from "../../src/slot/slot.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { verify, type VerifyResult } from "../../src/upgrade/verify.ts";
import { memoryMachine, memorySource, slotOf } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { armed, FIRST_BOOT, installed, TRIAL_BOOT, upgraded, workOn } from "./disk.ts";

function check(image: PagedImage, slot: SlotName | undefined, boot = ""): Promise<VerifyResult> {
  const machine = memoryMachine(image.file(), boot);
  return verify(workOn(machine), machine, slot);
}

test.each([
  ["a", FIRST_BOOT, "a"],
  ["b", FIRST_BOOT, "b"],
  [undefined, TRIAL_BOOT, "b"],
  [undefined, "", "a"],
] as const)("verify(%p) booted by %p reads slot %s", async (named, boot, slot) => {
  const image = await armed();
  const before = image.bytes();
  const result = await check(image, named, boot);
  const { digest } = memorySource(slot === "a" ? "v1" : "v2");
  expect(result).toMatchObject({ slot, digest, hashRoot: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(result.bytesRead).toBeGreaterThan(30_000);
  expect(image.bytes()).toEqual(before);
});

test("verify() reports its progress", async () => {
  const machine = memoryMachine((await armed()).file());
  const done: number[] = [];
  const talk = {
    ...workOn(machine).talk,
    progress: (progress: Progress | Waiting) =>
      void ("doneBytes" in progress && done.push(progress.doneBytes)),
  };
  const { bytesRead } = await verify({ ...workOn(machine), talk }, machine, "b");
  expect(done).toEqual(done.toSorted((one, other) => one - other));
  expect(done.at(-1)).toBe(bytesRead);
});

test("verify() finds one wrong bit, and the loader does not fall back to that slot", async () => {
  const image = await upgraded();
  const disk = image.file();
  const held = memoryMachine(disk).memory.state.slots.a;
  const [first = 0] = held.status === "written" ? (held.runs.at(-1) ?? []) : [];
  const byte = new Uint8Array(1);
  slotOf(disk, "a").readInto(first * 4096 + 5, byte);
  slotOf(disk, "a").write(
    first * 4096 + 5,
    byte.map((value) => value ^ 0x10),
  );
  const error = await rejection(check(image, "a"));
  expect(error).toMatchObject({
    code: "content",
    message: expect.stringContaining("Cannot verify slot a: its bytes hash to"),
  });
  const machine = memoryMachine(disk, "tandem.slot=b tandem.gen=3");
  expect(machine.memory.state.slots.a).not.toHaveProperty("verifiedAt");
  expect(machine.memory.state.history.at(-1)).toMatchObject({ kind: "verify", slot: "a" });
  await expect(rollback(machine, 3)).rejects.toThrow("it was never read back");
});

test("verify() ignores bytes outside the file system", async () => {
  const image = await installed();
  slotOf(image.file(), "a").write(8 * MiB - 4096, new Uint8Array(512).fill(1));
  expect(await check(image, "a")).toMatchObject({ slot: "a" });
});

test("verify() refuses an empty slot", async () => {
  const image = await installed();
  expect(await rejection(check(image, "b"))).toMatchObject({
    code: "disk",
    message: "Cannot verify slot b: nothing was written to it",
  });
});

test("verify() can be interrupted", async () => {
  const machine = memoryMachine((await armed()).file());
  const work = { ...workOn(machine), signal: AbortSignal.abort() };
  expect(await rejection(verify(work, machine, "a"))).toMatchObject({ code: "interrupted" });
});
