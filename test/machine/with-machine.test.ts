import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TandemError } from "../../src/lib/error.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { readBlock } from "../../src/system/block-file.ts";
import { partitions } from "../../src/slot/partitions.ts";
import { linux } from "../../src/system/linux.ts";
import type { System } from "../../src/system/system.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import { makeDiskFile } from "../fakes/disk-file.ts";
import { rejection } from "../fakes/source.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-open-"));
const disk = join(folder, "disk.img");
beforeAll(() => makeDiskFile(disk));
afterAll(() => rmSync(folder, { recursive: true }));

/** The real machine, with a list of what happened to locks and files. */
function watched(): { system: System; events: string[] } {
  const events: string[] = [];
  const system: System = {
    ...linux,
    lock: (path) => {
      events.push(`lock ${path}`);
      return Promise.resolve({ release: () => void events.push("release") });
    },
    openBlock(path, options) {
      const block = linux.openBlock(path, options);
      events.push(`open ${options.write ? "w" : "r"}`);
      const close = (): void => {
        events.push("close");
        block.close();
      };
      return { ...block, close };
    },
  };
  return { system, events };
}

test("withMachine() finds control partition and slots in a disk-image file", async () => {
  await withMachine({ system: linux, talk: SILENT }, { disk, lock: true }, (machine) => {
    expect(machine).toMatchObject({ diskPath: disk, booted: undefined });
    expect(machine.loaderData.record).toMatchObject({ gen: 1, good: "a" });
    expect(machine.slots).toMatchObject({
      a: { address: { part: "2" } },
      b: { address: { part: "3" } },
    });
    const target = machine.openSlot("b", { write: true });
    expect(target).toMatchObject({ path: disk, offsetBytes: 10 * MiB });
    expect(target.block.sizeBytes).toBe(8 * MiB);
    target.block.write(5, Uint8Array.of(17));
    expect([...readBlock(target.block, 4, 3)]).toEqual([0, 17, 0]);
    target.block.close();
  });
  expect(readFileSync(disk)[10 * MiB + 5]).toBe(17);
});

test("withMachine() reads the disk again after it has the lock", async () => {
  const { system, events } = watched();
  const options = { disk, layouts: [partitions], lock: true };
  const result = await withMachine({ system, talk: SILENT }, options, () => {
    events.push("action");
    return 17;
  });
  expect(result).toBe(17);
  const afterLock = events.slice(events.indexOf(`lock ${disk}`) + 1);
  expect(afterLock).toEqual(["open r", "close", "open w", "action", "close", "release"]);
});

test("withMachine() without a lock only reads", async () => {
  const { system, events } = watched();
  await withMachine({ system, talk: SILENT }, { disk, lock: false }, () => undefined);
  expect(events).not.toContain(`lock ${disk}`);
  expect(events).not.toContain("open w");
  expect(events.filter((event) => event === "close")).toHaveLength(
    events.filter((event) => event === "open r").length,
  );
});

test("withMachine() closes and releases when the action fails", async () => {
  const { system, events } = watched();
  const failing = withMachine({ system, talk: SILENT }, { disk, lock: true }, () => {
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(events.slice(-2)).toEqual(["close", "release"]);
});

test("withMachine() uses the configured labels", async () => {
  const labels = { control: "tandem-control", a: "left", b: "right", recovery: "none" };
  const error = await rejection(
    withMachine({ system: linux, talk: SILENT }, { disk, labels, lock: false }, () => undefined),
  );
  expect(error).toMatchObject({
    code: "disk",
    message: expect.stringContaining('Cannot find partition "left"'),
  });
});

const stop = (): never => {
  throw new TandemError("interrupted", "enough");
};

test("withMachine() waits for another run until whileLocked throws", async () => {
  const { system } = watched();
  let tries = 0;
  const held: System = {
    ...system,
    lock: (path) =>
      (tries += 1) < 4
        ? Promise.reject(new TandemError("locked", `Cannot lock ${path}`))
        : system.lock(path),
  };
  let waits = 0;
  const whileLocked = (): void => void (waits += 1);
  const work = { system: held, talk: SILENT };
  const options = { disk, lock: true };
  expect(await withMachine(work, { ...options, whileLocked }, () => 17)).toBe(17);
  expect(waits).toBe(3);
  tries = 0;
  const error = await rejection(withMachine(work, options, () => 17));
  expect(error).toMatchObject({ code: "locked" });
  const stopped = await rejection(withMachine(work, { ...options, whileLocked: stop }, () => 17));
  expect(stopped).toMatchObject({ code: "interrupted" });
});
