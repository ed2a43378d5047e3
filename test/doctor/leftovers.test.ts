import { expect, test } from "bun:test";
import { encodeEnvelope } from "../../src/control/state-copy.ts";
import { defined } from "../../src/lib/assert.ts";
import { TandemError } from "../../src/lib/error.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import {
  examineAndRepair,
  type Diagnosis,
  doctor,
  examineMachine,
} from "../../src/doctor/doctor.ts";
import { readContents } from "../../src/doctor/contents.ts";
import { checkLeftovers } from "../../src/doctor/leftovers.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { hasLeftovers, isNewDisk } from "../../src/machine/new-disk.ts";
import { NO_ESP } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { machineWith, newDisk, PLACES, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

const EMPTIES = "empty the control partition: the disk is new again";
const BAD = "it is not empty, has no boot record, and no slot holds a system";

function ask(image: PagedImage, { fix }: { readonly fix: boolean }): Promise<Diagnosis> {
  const work = {
    system: systemWith(image.file()),
    talk: SILENT,
    signal: new AbortController().signal,
  };
  return doctor(work, { disk: "/disk.img" }, { fix, verify: false });
}

function examine(machine: Machine): ReturnType<typeof examineMachine> {
  return examineMachine({ ...machine, esp: NO_ESP });
}

/** Fills the control partition with bytes that are neither a record nor a state. */
function withGarbage(image: PagedImage): PagedImage {
  const { offsetBytes, sizeBytes } = PLACES.control;
  image.write(
    offsetBytes,
    Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 7 + 1) % 251),
  );
  return image;
}

function withoutSuperblocks(image: PagedImage): PagedImage {
  for (const { offsetBytes } of [PLACES.a, PLACES.b])
    image.write(offsetBytes, new Uint8Array(4096));
  return image;
}

function withoutRecords(image: PagedImage): PagedImage {
  for (const at of [0, 0x1000]) image.write(PLACES.control.offsetBytes + at, new Uint8Array(1024));
  return image;
}

const LEFTOVERS: readonly [string, () => Promise<PagedImage>][] = [
  ["garbage in the control partition", async () => withGarbage(await newDisk())],
  [
    "one byte of garbage, at its end",
    async () => {
      const image = await newDisk();
      image.write(PLACES.control.offsetBytes + MiB - 1, Uint8Array.of(1));
      return image;
    },
  ],
  ["garbage with systemd-boot", async () => withGarbage(await newDisk("systemd-boot"))],
  [
    "garbage, and other data in the slots",
    async () => {
      const image = withGarbage(await newDisk());
      image.write(PLACES.a.offsetBytes, new Uint8Array(8192).fill(0x5a));
      return image;
    },
  ],
  [
    "a state of systems that are gone",
    async () => withoutRecords(withoutSuperblocks(await wholeDisk())),
  ],
];

test.each(LEFTOVERS)("%s: doctor empties it, and upgrade goes on", async (_, make) => {
  const image = await make();
  const before = Bun.hash(image.bytes());
  expect(hasLeftovers(machineWith(image.file()))).toBe(true);
  expect(await rejection(upgradeTo("v1", machineWith(image.file())))).toMatchObject({
    code: "boot",
  });
  const { findings, repaired: none } = await ask(image, { fix: false });
  expect(findings).toContainEqual(
    expect.objectContaining({ subject: "control partition", verdict: "bad", text: BAD }),
  );
  expect(none).toEqual([]);
  expect(Bun.hash(image.bytes())).toBe(before);

  const { repaired, failed, findings: after } = await ask(image, { fix: true });
  expect({ repaired, failed }).toEqual({ repaired: [EMPTIES], failed: [] });
  expect(after.filter(({ verdict }) => verdict === "bad")).toEqual([]);
  const { offsetBytes, sizeBytes } = PLACES.control;
  const control = image.bytes().subarray(offsetBytes, offsetBytes + sizeBytes);
  expect(control.every((byte) => byte === 0)).toBe(true);
  expect(isNewDisk(machineWith(image.file()))).toBe(true);
  expect(await upgradeTo("v1", machineWith(image.file()))).toMatchObject({ outcome: "installed" });
});

test("the open machine knows that its disk is new afterwards", async () => {
  const image = withoutRecords(withoutSuperblocks(await wholeDisk()));
  const machine = machineWith(image.file());
  const { repaired } = await examineAndRepair({ talk: SILENT }, { fix: true }, () =>
    Promise.resolve(examine(machine)),
  );
  expect(repaired).toEqual([EMPTIES]);
  expect(isNewDisk(machine)).toBe(true);
});

const GOOD = { at: "2030-01-01T00:00:00.000Z", kind: "good", slot: "a", text: "its checks passed" };

function failing(): never {
  throw new TandemError("disk", "Cannot read slot a: Input/output error");
}

const KEPT: readonly [string, () => Promise<Machine>][] = [
  ["a slot holds a system", async () => machineWith(withGarbage(await wholeDisk()).file())],
  [
    "a slot holds one of ours that is damaged",
    async () => {
      const image = withGarbage(await wholeDisk());
      image.write(PLACES.a.offsetBytes + 1024, new Uint8Array(16));
      return machineWith(image.file());
    },
  ],
  [
    "the machine runs from the disk",
    async () => machineWith(withGarbage(await newDisk()).file(), "tandem.slot=a tandem.gen=1"),
  ],
  [
    "systemd-boot has entries",
    async () => {
      const image = await wholeDisk("v1", { loader: "systemd-boot" });
      return machineWith(withGarbage(withoutSuperblocks(image)).file());
    },
  ],
  ["there is a record", async () => machineWith(withoutSuperblocks(await wholeDisk()).file())],
  [
    "the state is that of a newer tandem",
    async () => {
      const image = withGarbage(await newDisk());
      const json = Buffer.from(JSON.stringify({ version: 99, history: [GOOD] }));
      image.write(PLACES.control.offsetBytes + 0x10000, encodeEnvelope(1, json));
      return machineWith(image.file());
    },
  ],
  [
    "a slot cannot be read",
    async () => {
      return { ...machineWith(withGarbage(await newDisk()).file()), openSlot: failing };
    },
  ],
];
test.each(KEPT)("nothing is emptied when %s", async (_, make) => {
  const machine = await make();
  const repairs = examine(machine).map(({ repair }) => repair?.what);
  expect(repairs).not.toContain(EMPTIES);
  expect(checkLeftovers(machine, readContents(machine))).toBeUndefined();
});

test("nothing is emptied when a slot holds a system that another program wrote", async () => {
  const machine = machineWith(withGarbage(await newDisk()).file());
  const system = readContents(machineWith((await wholeDisk()).file())).get("a");
  expect(system?.kind).toBe("system");
  expect(checkLeftovers(machine, readContents(machine))?.repair?.what).toBe(EMPTIES);
  expect(checkLeftovers(machine, new Map([["b", defined(system, "slot a")]]))).toBeUndefined();
});

test("of a damaged system doctor says that it prevents the installation of a new one", async () => {
  const image = withGarbage(await wholeDisk());
  image.write(PLACES.a.offsetBytes + 1024, new Uint8Array(16));
  const { findings } = await ask(image, { fix: true });
  const { advice } = defined(
    findings.find(({ subject }) => subject === "boot record"),
    "its finding",
  );
  expect(advice).toContain("zero the first 4 KiB of each slot");
  withoutSuperblocks(image);
  expect((await ask(image, { fix: true })).repaired).toEqual([EMPTIES]);
});

test.each([
  ["an XFS file system", 0, "XFSB"],
  ["a FAT file system", 54, "FAT16   "],
] as const)("%s in the place of the control partition is never emptied", async (what, at, mark) => {
  const image = withGarbage(await newDisk());
  image.write(PLACES.control.offsetBytes + at, Buffer.from(mark, "latin1"));
  const before = image.bytes();
  const { findings, repaired } = await ask(image, { fix: true });
  expect(findings).toContainEqual(
    expect.objectContaining({
      verdict: "bad",
      text: `it holds ${what}, and no slot holds a system`,
    }),
  );
  expect(repaired).toEqual([]);
  expect(image.bytes()).toEqual(before);
});
