import { expect, test } from "bun:test";
import { armTrial, disarm } from "../../src/control/decide.ts";
import { encodeRecord, type BootRecord, type NextRecord } from "../../src/control/record.ts";
import type { SlotSpec } from "../../src/control/spec.ts";
import { emptyState, withEvent, withFall } from "../../src/control/state.ts";
import { controlIn } from "../fakes/control.ts";
import { LyingDisk } from "../fakes/lying-disk.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { ARMED, FIRST, formatted, reopened } from "./formatted.ts";
import { WRITTEN } from "./written-slot.ts";

const SPEC: SlotSpec = {
  kernel: "/boot/vmlinuz",
  initrd: "/boot/initrd",
  options: "quiet",
  address: { part: "4", partuuid: "0fc63daf-8483-4772-8e79-3d69d8477de4" },
  digest: WRITTEN.digest,
};

test("commitRecord() counts up and writes the two copies in turn", async () => {
  const disk = new RecordedDisk(await formatted());
  const { loaderData } = controlIn(disk.file);
  expect(await loaderData.commitRecord(ARMED)).toEqual({ ...ARMED, gen: 2 });
  expect(await loaderData.commitRecord(FIRST)).toEqual({ ...FIRST, gen: 3 });
  expect(loaderData.record).toEqual({ ...FIRST, gen: 3 });
  const offsets = disk.operations.flatMap((operation) =>
    operation.kind === "write" ? [operation.offsetBytes] : [],
  );
  expect(offsets).toEqual([0x1000, 0x1000, 0x0000]);
  expect(reopened(disk.image()).loaderData.record).toEqual({ ...FIRST, gen: 3 });
});

test("commitRecord() ignores a gen in its argument", async () => {
  const { loaderData } = reopened(await formatted());
  const record: BootRecord = { ...ARMED, gen: 77 };
  expect((await loaderData.commitRecord(record)).gen).toBe(2);
});

test("commitRecord() goes above every gen in torn copies", async () => {
  const image = await formatted();
  image.write(0, encodeRecord({ ...FIRST, gen: 40 }).subarray(0, 512));
  image.write(0x1000, encodeRecord({ ...FIRST, gen: 42 }).subarray(0, 512));
  expect((await reopened(image).loaderData.commitRecord(FIRST)).gen).toBe(43);
});

test("commitRecord() fails with boot, and the old record stays, when the medium does not take it", async () => {
  const disk = new LyingDisk((await formatted()).bytes());
  const { file } = disk;
  const { loaderData } = controlIn({
    ...file,
    flush: () => Promise.resolve(disk.medium.write(0x1000 + 40, Uint8Array.of(0))),
  });
  await expect(loaderData.commitRecord(ARMED)).rejects.toMatchObject({
    code: "boot",
    message: expect.stringMatching(
      /^Cannot write the boot record to lying disk: .*something else afterwards$/,
    ),
  });
  expect(loaderData.record).toEqual({ ...FIRST, gen: 1 });
});

test("writeSpec() and eraseSpec() change one slot's spec", async () => {
  const { loaderData } = reopened(await formatted());
  await loaderData.writeSpec("b", SPEC);
  await loaderData.writeSpec("recovery", { ...SPEC, address: { ...SPEC.address, part: "5" } });
  await loaderData.writeSpec("a", { ...SPEC, initrd: undefined });
  expect(loaderData.spec("b")).toEqual(SPEC);
  expect(loaderData.spec("a")).toEqual({ ...SPEC, initrd: undefined });
  await loaderData.eraseSpec("b");
  expect(loaderData.spec("b")).toEqual({ invalid: "it is empty" });
  expect(loaderData.spec("recovery")).toEqual({ ...SPEC, address: { ...SPEC.address, part: "5" } });
  expect(loaderData.record?.gen).toBe(1);
});

test("a power cut anywhere in a chain of commits leaves the old record or the new one", async () => {
  const before = await formatted();
  const disk = new RecordedDisk(before);
  const { loaderData } = controlIn(disk.file);
  const chain: { after: number; record: BootRecord }[] = [
    { after: 0, record: { ...FIRST, gen: 1 } },
  ];
  for (const next of [
    ARMED,
    disarm({ ...ARMED, gen: 0 }),
    armTrial({ ...FIRST, gen: 0 }, "b", 1),
    FIRST,
  ])
    chain.push({ record: await loaderData.commitRecord(next), after: disk.operations.length });
  let cuts = 0;
  for (const { name, after, image } of disk.cuts()) {
    const done = chain.findLastIndex((link) => link.after <= after);
    const isBetween = chain[done]?.after !== after;
    const allowed = chain.slice(done, isBetween ? done + 2 : done + 1).map(({ record }) => record);
    const { record } = reopened(image).loaderData;
    expect({ name, isAllowed: allowed.some((one) => Bun.deepEquals(one, record)) }).toEqual({
      name,
      isAllowed: true,
    });
    cuts += 1;
  }
  expect(cuts).toBeGreaterThan(40);
});

test("a commit that was cut never comes into force by a later cut", async () => {
  const lost = new RecordedDisk(await formatted());
  await controlIn(lost.file).loaderData.commitRecord(ARMED);
  const later: NextRecord = { ...FIRST, limit: 7 };
  let pairs = 0;
  for (const first of lost.cuts()) {
    const start = reopened(first.image).loaderData.record;
    const again = new RecordedDisk(first.image);
    const committed = await controlIn(again.file).loaderData.commitRecord(later);
    for (const second of again.cuts()) {
      const record = reopened(second.image).loaderData.record;
      const isOldOrNew =
        record?.gen === start?.gen
          ? Bun.deepEquals(record, start)
          : Bun.deepEquals(record, committed);
      expect({ first: first.name, second: second.name, isOldOrNew }).toMatchObject({
        isOldOrNew: true,
      });
      pairs += 1;
    }
    expect(reopened(again.image()).loaderData.record).toEqual(committed);
  }
  expect(pairs).toBeGreaterThan(300);
});

test("a power cut while a spec is written or erased touches neither record nor state", async () => {
  const disk = new RecordedDisk(await formatted());
  const { loaderData } = controlIn(disk.file);
  await loaderData.writeSpec("b", { ...SPEC, options: "x".repeat(1500) });
  await loaderData.eraseSpec("b");
  for (const { image } of disk.cuts()) {
    const now = reopened(image);
    expect(now.loaderData.record).toEqual({ ...FIRST, gen: 1 });
    expect(now.memory.state).toEqual(emptyState());
  }
});

test("a record after both copies are lost has a gen above those that the state has seen", async () => {
  const image = await formatted();
  const { loaderData, memory } = controlIn(image.file());
  for (let gen = 2; gen < 6; gen += 1) {
    await memory.writeState(
      withEvent(memory.state, { at: "2026-11-22T12:00:00Z", kind: "armed", text: "" }),
    );
    await loaderData.commitRecord(ARMED);
  }
  const { gen = 0 } = loaderData.record ?? {};
  for (const at of [0, 0x1000]) image.write(at, new Uint8Array(1024));
  const after = await controlIn(image.file()).loaderData.commitRecord(ARMED);
  expect(after.gen).toBeGreaterThan(gen);
});

test("a record after both copies are lost has a gen above those of remembered falls", async () => {
  const image = await formatted();
  const { memory } = reopened(image);
  const at = "2026-11-22T12:00:00Z";
  await memory.writeState(
    withFall(memory.state, { at, slot: "b", stage: "silent", reason: "none", gen: 90 }),
  );
  for (const offset of [0, 0x1000]) image.write(offset, new Uint8Array(1024));
  expect((await controlIn(image.file()).loaderData.commitRecord(FIRST)).gen).toBe(91);
});
