/** A second layout: it needs one file, test/fakes/toy-layout.ts, and one line in the table. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOADER_DATA_BYTES } from "../../src/control/loader-data.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Machine } from "../../src/machine/machine.ts";
import type { MachineOptions } from "../../src/machine/open-machine.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import type { LayoutKind } from "../../src/slot/layout.ts";
import { LAYOUTS } from "../../src/slot/layouts.ts";
import { linux } from "../../src/system/linux.ts";
import type { System } from "../../src/system/system.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { verify } from "../../src/upgrade/verify.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { rejection } from "../fakes/source.ts";
import * as toy from "../fakes/toy-layout.ts";
import { newDisk, PLACES } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

const TABLE: readonly LayoutKind[] = [toy.toyLayout, ...LAYOUTS];

const folder = mkdtempSync(join(tmpdir(), "tandem-toy-"));
const disk = join(folder, toy.LOADER_FILE);
const OPTIONS: MachineOptions = { disk, layouts: TABLE, bootloader: "grub" };

/** What the maker of the disk gives to GRUB: how it finds its data. */
const CONFIG = `# GRUB Environment Block\ncontrol=${toy.LOADER_FILE}\nfallback=a\n`.padEnd(
  1024,
  "#",
);

beforeAll(async () => {
  const { offsetBytes, sizeBytes } = PLACES.esp;
  const esp = (await newDisk()).bytes().subarray(offsetBytes, offsetBytes + sizeBytes);
  writeFileSync(join(folder, toy.MARK), "");
  writeFileSync(join(folder, toy.ESP_FILE), esp);
  for (const [name, size] of [
    [disk, LOADER_DATA_BYTES],
    ...(["a", "b"] as const).map((slot) => [toy.imageOf(folder, slot), 8 * MiB] as const),
  ] as const) {
    writeFileSync(name, "");
    truncateSync(name, size);
  }
  await onDisk("", async ({ esp: place }) => {
    const opened = place.open({ write: true });
    await opened?.remove("/tandem/disk.cfg");
    const bytes = Buffer.from(CONFIG);
    await opened?.write("/tandem/disk.cfg", { sizeBytes: bytes.byteLength, read: () => [bytes] });
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** This machine as the boot loader has started it. */
const booted = (cmdline: string): System => ({
  ...linux,
  files: {
    ...linux.files,
    readText: (path) => {
      if (path === "/proc/cmdline") return cmdline;
      return path.startsWith("/proc/") ? undefined : linux.files.readText(path);
    },
  },
});
const workOn = (system: System) => ({
  system,
  talk: SILENT,
  signal: new AbortController().signal,
});

function onDisk<T>(cmdline: string, action: (machine: Machine) => T | Promise<T>): Promise<T> {
  return withMachine(workOn(booted(cmdline)), { ...OPTIONS, lock: true, allowNew: true }, action);
}

function examine(cmdline = ""): Promise<Diagnosis> {
  return doctor(workOn(booted(cmdline)), OPTIONS, { fix: false, verify: true });
}

const gradesOf = ({ findings }: Diagnosis): string[] =>
  findings.filter(({ verdict }) => verdict === "bad").map(({ text }) => text);

test("upgrade, status, mark good, rollback, verify and doctor work on a layout that only a table knows", async () => {
  const first = await onDisk("", (machine) => upgradeTo("v1", machine));
  expect(first).toMatchObject({ outcome: "installed", slot: "a" });
  const A = "tandem.slot=a tandem.gen=1";
  const second = await onDisk(A, (machine) => upgradeTo("v2", machine));
  expect(second).toMatchObject({ outcome: "upgraded", slot: "b" });
  // The loader starts the trial, which proves itself.
  const B = "tandem.slot=b tandem.gen=2 tandem.left=2";
  await onDisk(B, (machine) => markGood(machine, undefined, "test"));
  const status = await onDisk(B, statusOf);
  expect(status).toMatchObject({
    disk,
    booted: "b",
    loader: { name: "grub" },
    record: { gen: 3, good: "b" },
    next: { slot: "b", role: "good" },
    slots: [
      { slot: "a", status: "written", version: "v1", verdict: "good" },
      { slot: "b", status: "written", version: "v2", verdict: "good" },
    ],
  });
  const back = await onDisk(B, (machine) => rollback(machine, 3));
  expect(back).toMatchObject({ outcome: "armed", slot: "a" });
  expect(await onDisk(B, (machine) => rollback(machine, 3))).toMatchObject({
    outcome: "withdrawn",
  });
  const system = booted(B);
  const verified = await onDisk(B, (machine) => verify(workOn(system), machine, "a"));
  expect(verified).toMatchObject({ slot: "a" });
  expect(gradesOf(await examine(B))).toEqual([]);
});

test("the boot data and the memory lie where the layout says", async () => {
  expect(readdirSync(join(folder, toy.MEMORY)).toSorted()).toEqual(["state-0", "state-1"]);
  const text = readFileSync(disk, "latin1");
  expect(text).toContain(`file=${toy.imageOf(folder, "b")}\n`);
  expect(text).not.toContain("partuuid");
  await onDisk("", (machine) => {
    expect(machine.loaderData.spec("a")).toMatchObject({
      kernel: "/boot/vmlinuz",
      address: { file: toy.imageOf(folder, "a") },
    });
  });
});

test("doctor says what the layout has found, and verify finds a slot that has changed", async () => {
  const { findings } = await examine();
  expect(findings.slice(0, 2)).toEqual([
    expect.objectContaining({ subject: "toy", text: `${disk} has no partition table` }),
    expect.objectContaining({ subject: "toy", text: `slots a and b in ${folder}` }),
  ]);
  const bytes = readFileSync(toy.imageOf(folder, "a"));
  const at = bytes.indexOf("kernel of v1");
  bytes.write("KERNEL", at);
  writeFileSync(toy.imageOf(folder, "a"), bytes);
  const error = await rejection(onDisk("", (machine) => verify(workOn(linux), machine, "a")));
  expect(error).toMatchObject({ code: "content" });
  expect((await onDisk("", statusOf)).slots[0]).not.toHaveProperty("verifiedAt");
});

test("a folder without the mark is opened as partitions", async () => {
  const error = await rejection(
    withMachine(
      workOn(linux),
      { ...OPTIONS, disk: import.meta.path, lock: false },
      () => undefined,
    ),
  );
  expect(error).toMatchObject({
    code: "disk",
    message: expect.stringContaining("Cannot read the partition table of"),
  });
});
