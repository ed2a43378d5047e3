import { expect, test } from "bun:test";
import { Control } from "../../src/control/control.ts";
import { armTrial, disarm, settled } from "../../src/control/decide.ts";
import { encodeRecord, type BootRecord, type NextRecord } from "../../src/control/record.ts";
import type { SlotSpec } from "../../src/control/spec.ts";
import { emptyState, withEvent, withFall, withSlot, type State } from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { LyingDisk } from "../fakes/lying-disk.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { WRITTEN } from "./written-slot.ts";

const FIRST: NextRecord = settled("a", { limit: 0, bootable: [] });
const ARMED: NextRecord = { ...FIRST, trial: "b", tries: 3 };
const SPEC: SlotSpec = {
  kernel: "/boot/vmlinuz",
  initrd: "/boot/initrd",
  options: "quiet",
  part: 4,
  partuuid: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  digest: WRITTEN.digest,
};

async function formatted(state: State = emptyState()): Promise<PagedImage> {
  const disk = new RecordedDisk(MiB);
  await Control.format(disk.file, { record: FIRST, state });
  return disk.image();
}

function reopened(image: PagedImage): Control {
  return Control.open(image.file("control"));
}

test("format() makes a control partition that opens", async () => {
  const control = reopened(await formatted());
  expect(control.record).toEqual({ ...FIRST, gen: 1 });
  expect(control.state).toEqual(emptyState());
  expect(control.recordProblems).toEqual(["copy 1 of the boot record cannot be used: it is empty"]);
  expect(control.spec("a")).toEqual({ invalid: "it is empty" });
});

test("format() wipes what was there", async () => {
  const image = await formatted();
  image.write(0x5000, encodeRecord({ ...ARMED, gen: 900 }));
  image.write(0x1000, encodeRecord({ ...ARMED, gen: 900 }));
  await Control.format(image.file(), { record: FIRST, state: emptyState() });
  expect(reopened(image).record).toEqual({ ...FIRST, gen: 1 });
  expect(reopened(image).spec("b")).toEqual({ invalid: "it is empty" });
});

test("open() refuses a partition that is too small", () => {
  const { file } = new RecordedDisk(MiB - 512);
  expect(() => Control.open(file)).toThrow("it has 1048064 bytes, needs 1048576");
});

test("open() of a blank partition knows nothing and says so", () => {
  const control = Control.open(new RecordedDisk(MiB).file);
  expect(control.record).toBeUndefined();
  expect(control.state.slots.a).toEqual({ status: "unknown" });
  expect(control.recordProblems).toHaveLength(2);
  expect(control.stateProblems).toEqual([
    "copy 0 of the state cannot be used: it is empty",
    "copy 1 of the state cannot be used: it is empty",
  ]);
});

test("commitRecord() counts up and writes the two copies in turn", async () => {
  const disk = new RecordedDisk(await formatted());
  const control = Control.open(disk.file);
  expect(await control.commitRecord(ARMED)).toEqual({ ...ARMED, gen: 2 });
  expect(await control.commitRecord(FIRST)).toEqual({ ...FIRST, gen: 3 });
  expect(control.record).toEqual({ ...FIRST, gen: 3 });
  const offsets = disk.operations.flatMap((operation) =>
    operation.kind === "write" ? [operation.offsetBytes] : [],
  );
  expect(offsets).toEqual([0x1000, 0x1000, 0x0000]);
  expect(reopened(disk.image()).record).toEqual({ ...FIRST, gen: 3 });
});

test("commitRecord() ignores a gen that came along", async () => {
  const control = reopened(await formatted());
  const record: BootRecord = { ...ARMED, gen: 77 };
  expect((await control.commitRecord(record)).gen).toBe(2);
});

test("commitRecord() goes above every number seen when no copy is in force", async () => {
  const image = await formatted();
  image.write(0, encodeRecord({ ...FIRST, gen: 40 }).subarray(0, 512));
  image.write(0x1000, encodeRecord({ ...FIRST, gen: 42 }).subarray(0, 512));
  expect((await reopened(image).commitRecord(FIRST)).gen).toBe(43);
});

test("commitRecord() fails with boot, and the old record stays, when the medium does not take it", async () => {
  const disk = new LyingDisk((await formatted()).bytes());
  const { file } = disk;
  const control = Control.open({
    ...file,
    flush: () => Promise.resolve(disk.medium.write(0x1000 + 40, Uint8Array.of(0))),
  });
  await expect(control.commitRecord(ARMED)).rejects.toMatchObject({
    code: "boot",
    message: expect.stringMatching(
      /^Cannot write the boot record to lying disk: .*something else afterwards$/,
    ),
  });
  expect(control.record).toEqual({ ...FIRST, gen: 1 });
});

test("writeSpec() and eraseSpec() change one slot's spec", async () => {
  const control = reopened(await formatted());
  await control.writeSpec("b", SPEC);
  await control.writeSpec("recovery", { ...SPEC, part: 5 });
  await control.writeSpec("a", { ...SPEC, initrd: undefined });
  expect(control.spec("b")).toEqual(SPEC);
  expect(control.spec("a")).toEqual({ ...SPEC, initrd: undefined });
  await control.eraseSpec("b");
  expect(control.spec("b")).toEqual({ invalid: "it is empty" });
  expect(control.spec("recovery")).toEqual({ ...SPEC, part: 5 });
  expect(control.record?.gen).toBe(1);
});

test("writeState() keeps the state over many writes", async () => {
  const image = await formatted();
  const control = reopened(image);
  let state = emptyState();
  for (let index = 0; index < 5; index += 1) {
    state = withEvent(state, { at: "2026-11-22T12:00:00Z", kind: "verify", text: `${index}` });
    await control.writeState(state);
    expect(control.state).toEqual(state);
    expect(reopened(image).state).toEqual(state);
  }
});

test("a power cut anywhere in a chain of commits leaves the old record or the new one", async () => {
  const before = await formatted();
  const disk = new RecordedDisk(before);
  const control = Control.open(disk.file);
  const chain: { after: number; record: BootRecord }[] = [
    { after: 0, record: { ...FIRST, gen: 1 } },
  ];
  for (const next of [
    ARMED,
    disarm({ ...ARMED, gen: 0 }),
    armTrial({ ...FIRST, gen: 0 }, "b", 1),
    FIRST,
  ])
    chain.push({ record: await control.commitRecord(next), after: disk.operations.length });
  let cuts = 0;
  for (const { name, after, image } of disk.cuts()) {
    const done = chain.findLastIndex((link) => link.after <= after);
    const isBetween = chain[done]?.after !== after;
    const allowed = chain.slice(done, isBetween ? done + 2 : done + 1).map(({ record }) => record);
    const { record } = reopened(image);
    expect({ name, isAllowed: allowed.some((one) => Bun.deepEquals(one, record)) }).toEqual({
      name,
      isAllowed: true,
    });
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(40);
});

test("an attempt that was cut is never brought to life by a later one that is cut, too", async () => {
  const lost = new RecordedDisk(await formatted());
  await Control.open(lost.file).commitRecord(ARMED);
  const later: NextRecord = { ...FIRST, limit: 7 };
  let pairs = 0;
  for (const first of lost.cuts()) {
    const start = reopened(first.image).record;
    const again = new RecordedDisk(first.image);
    const committed = await Control.open(again.file).commitRecord(later);
    for (const second of again.cuts()) {
      const record = reopened(second.image).record;
      const isOldOrNew =
        record?.gen === start?.gen
          ? Bun.deepEquals(record, start)
          : Bun.deepEquals(record, committed);
      expect({ first: first.name, second: second.name, isOldOrNew }).toMatchObject({
        isOldOrNew: true,
      });
      pairs += 1;
    }
    expect(reopened(again.image()).record).toEqual(committed);
  }
  expect(pairs).toBeGreaterThan(300);
});

test("a power cut anywhere in a write of the state leaves the old one or the new one", async () => {
  const old = withSlot(emptyState(), "a", WRITTEN);
  const runs = Array.from({ length: 2000 }, (_, index): [number, number] => [index * 512, 256]);
  const next = withSlot(old, "b", { ...WRITTEN, runs });
  const disk = new RecordedDisk(await formatted(old));
  const control = Control.open(disk.file);
  await control.writeState(next);
  const half = disk.operations.length;
  await control.writeState(old);
  for (const { name, after, image } of disk.cuts({ tearsMax: 40 })) {
    const { state } = reopened(image);
    const found = [old, next].findIndex((one) => Bun.deepEquals(one, state));
    const allowed =
      after === 0 || after === disk.operations.length ? [0] : after === half ? [1] : [0, 1];
    expect({ name, found: allowed.includes(found) }).toEqual({ name, found: true });
  }
});

test("a power cut while a spec is written or erased touches neither record nor state", async () => {
  const disk = new RecordedDisk(await formatted());
  const control = Control.open(disk.file);
  await control.writeSpec("b", { ...SPEC, options: "x".repeat(1500) });
  await control.eraseSpec("b");
  for (const { image } of disk.cuts()) {
    const now = reopened(image);
    expect(now.record).toEqual({ ...FIRST, gen: 1 });
    expect(now.state).toEqual(emptyState());
  }
});

test("a record after both copies are lost has a number above those that the state tells of", async () => {
  const image = await formatted();
  const control = Control.open(image.file());
  for (let gen = 2; gen < 6; gen += 1) {
    await control.writeState(
      withEvent(control.state, { at: "2026-11-22T12:00:00Z", kind: "armed", text: "" }),
    );
    await control.commitRecord(ARMED);
  }
  const { gen = 0 } = control.record ?? {};
  for (const at of [0, 0x1000]) image.write(at, new Uint8Array(1024));
  const after = await Control.open(image.file()).commitRecord(ARMED);
  expect(after.gen).toBeGreaterThan(gen);
});

test("a record after both copies are lost is not the one that a remembered fall is about", async () => {
  const image = await formatted();
  const control = reopened(image);
  const at = "2026-11-22T12:00:00Z";
  await control.writeState(
    withFall(control.state, { at, slot: "b", stage: "silent", reason: "none", gen: 90 }),
  );
  for (const offset of [0, 0x1000]) image.write(offset, new Uint8Array(1024));
  expect((await Control.open(image.file()).commitRecord(FIRST)).gen).toBe(91);
});
