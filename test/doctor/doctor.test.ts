import { expect, test } from "bun:test";
import { contentOf, readEspText } from "../../src/boot/esp/esp.ts";
import { rawEsp } from "../../src/boot/esp/raw-esp.ts";
import { Fat } from "../../src/fat/fat.ts";
import { readGeometry } from "../../src/fat/geometry.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import {
  examineAndRepair,
  doctor,
  examineMachine,
  type Diagnosis,
} from "../../src/doctor/doctor.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { NO_ESP } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import {
  ENV_BYTES,
  machineWith,
  partOfDisk,
  PLACES,
  systemWith,
  wholeDisk,
  type PlaceName,
} from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

const FIRST_BOOT = "tandem.slot=a tandem.gen=1";
/** v1 in slot a, v2 in slot b, which has proven itself. */
const upgraded = await (async () => {
  const image = await wholeDisk();
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  await markGood(machineWith(image.file(), "tandem.slot=b tandem.gen=2"), undefined, "test");
  return image;
})();

function ask(
  disk: BlockFile,
  request: { fix?: boolean; verify?: boolean } = {},
): Promise<Diagnosis> {
  const work = { system: systemWith(disk), talk: SILENT, signal: new AbortController().signal };
  return doctor(work, { disk: "/disk.img" }, { fix: false, verify: false, ...request });
}

/** The findings with this verdict: "slot a: its file system is gone". */
function complaints({ findings }: Pick<Diagnosis, "findings">, verdict = "bad"): string[] {
  return findings
    .filter((finding) => finding.verdict === verdict)
    .map(({ subject, text }) => `${subject}: ${text}`);
}

type Span = readonly [offsetBytes: number, sizeBytes: number];

function zero(image: PagedImage, place: PlaceName, ...spans: readonly Span[]): void {
  for (const [offsetBytes, sizeBytes] of spans)
    image.write(PLACES[place].offsetBytes + offsetBytes, new Uint8Array(sizeBytes));
}

const RECORDS: readonly Span[] = [
  [0, 1024],
  [4096, 1024],
];
const STATES: readonly Span[] = [
  [0x10000, 4096],
  [0x80000, 4096],
];
const ALL: Span = [0, PLACES.control.sizeBytes];
const SPEC_B: Span = [0x5000, 4096];
const SUPERBLOCK: Span = [0, 4096];

test("of a sound disk nothing is bad and nothing is repaired", async () => {
  const image = upgraded.fork();
  const before = Bun.hash(image.bytes());
  const diagnosis = await ask(image.file(), { fix: true, verify: true });
  expect(complaints(diagnosis)).toEqual([]);
  expect(complaints(diagnosis, "warn")).toEqual([expect.stringMatching(/^clock: it shows 1970/)]);
  expect(diagnosis).toMatchObject({ repaired: [], failed: [] });
  expect(Bun.hash(image.bytes())).toBe(before);
});

interface Case {
  readonly name: string;
  readonly damage: (image: PagedImage) => void | Promise<void>;
  /** What is bad before. */
  readonly bad: readonly RegExp[];
  readonly repaired: readonly RegExp[];
  /** The good slot afterwards. */
  readonly good?: "a" | "b";
}

const CASES: readonly Case[] = [
  {
    name: "primary partition table",
    damage: (image) => image.write(512, new Uint8Array(512)),
    bad: [/^partition table: the primary copy cannot be used: no "EFI PART"/],
    repaired: [/^write the primary partition table anew/],
  },
  {
    name: "both copies of the record",
    damage: (image) => zero(image, "control", ...RECORDS),
    bad: [/^boot record: both copies are lost/],
    repaired: [/^write a new boot record: slot b is good$/],
  },
  {
    name: "both copies of the state",
    damage: (image) => zero(image, "control", ...STATES),
    bad: [/^state: both copies are lost/],
    repaired: [/^make a new state/],
  },
  {
    name: "spec of the good slot",
    damage: (image) => zero(image, "control", SPEC_B),
    bad: [/^start of slot b: its boot spec cannot be used/],
    repaired: [/^describe slot b to the boot loader again$/],
  },
  {
    name: "the whole control partition",
    damage: (image) => zero(image, "control", ALL),
    bad: [/^state: /, /^boot record: /],
    repaired: [
      /^make a new state/,
      /^describe slot a /,
      /^describe slot b /,
      /^write a new boot record: slot a is good$/,
    ],
    good: "a",
  },
  {
    name: "the whole control partition and slot a",
    damage(image) {
      zero(image, "control", ALL);
      zero(image, "a", SUPERBLOCK);
    },
    bad: [/^state: /, /^boot record: /],
    repaired: [
      /^make a new state/,
      /^describe slot b /,
      /^write a new boot record: slot b is good$/,
    ],
  },
  {
    name: "superblock of the good slot",
    damage: (image) => zero(image, "b", SUPERBLOCK),
    bad: [
      /^slot b: its file system is gone$/,
      /^boot record: it names slot b, .* slot a holds one$/,
    ],
    repaired: [
      /^note in the state that slot b is not/,
      /^write a new boot record: slot a is good$/,
      /unstartable/,
    ],
    good: "a",
  },
  {
    name: "GRUB's scratch file",
    damage: (image) => Fat.open(partOfDisk(image.file(), "esp")).remove("/tandem/tries"),
    bad: [/^GRUB's count: \/tandem\/tries is not there: boots cannot be counted/],
    repaired: [/^replace \/tandem\/tries$/],
  },
  {
    name: "a scratch file that is too short",
    async damage(image) {
      const fat = Fat.open(partOfDisk(image.file(), "esp"));
      await fat.remove("/tandem/tries");
      await fat.write("/tandem/tries", { sizeBytes: 3, read: () => [Uint8Array.of(1, 2, 3)] });
    },
    bad: [/^GRUB's count: \/tandem\/tries has 3 bytes, want 1024/],
    repaired: [/^replace \/tandem\/tries$/],
  },
  {
    name: "GRUB's configuration",
    damage: (image) => Fat.open(partOfDisk(image.file(), "esp")).remove("/tandem/disk.cfg"),
    bad: [/disk.cfg cannot be used: control is "", want "2", fallback is "", want "b"$/],
    repaired: [/^correct \/tandem\/disk.cfg: control partition 2$/],
  },
];

test.each(CASES)("without --fix nothing is written: $name", async ({ damage, bad }) => {
  const image = upgraded.fork();
  await damage(image);
  const before = Bun.hash(image.bytes());
  const found = complaints(await ask(image.file()));
  for (const pattern of bad) expect(found.some((text) => pattern.test(text))).toBeTrue();
  expect(Bun.hash(image.bytes())).toBe(before);
});

test.each(CASES)("--fix repairs and says how: $name", async ({ damage, repaired, good = "b" }) => {
  const image = upgraded.fork();
  await damage(image);
  const diagnosis = await ask(image.file(), { fix: true });
  expect(complaints(diagnosis)).toEqual([]);
  expect(diagnosis.failed).toEqual([]);
  for (const [index, pattern] of repaired.entries())
    expect(diagnosis.repaired[index]).toMatch(pattern);
  expect(diagnosis.repaired).toHaveLength(repaired.length);
  const machine = machineWith(image.file());
  expect(machine.loaderData.record).toMatchObject({ good, trial: undefined });
  expect(machine.loader.startProblem(good)).toBeUndefined();
  const again = await ask(image.file(), { fix: true });
  expect(again.repaired).toEqual([]);
  const passive = good === "a" ? "b" : "a";
  await upgradeTo("v3", machineWith(image.file(), `tandem.slot=${good} tandem.gen=9`));
  expect(machineWith(image.file()).loaderData.record?.trial).toBe(passive);
});

test("the running slot becomes the good one when nothing else is known", async () => {
  const image = upgraded.fork();
  zero(image, "control", ALL);
  const machine = machineWith(image.file(), "tandem.slot=b tandem.gen=3");
  const { repaired } = await examineAndRepair({ talk: SILENT }, { fix: true }, () =>
    Promise.resolve(examineMachine({ ...machine, esp: NO_ESP })),
  );
  expect(repaired.at(-1)).toBe("write a new boot record: slot b is good");
  expect(machine.memory.state.slots).toMatchObject({
    a: { status: "unknown" },
    b: { status: "unknown", verdict: { result: "good" } },
  });
});

test("when nothing else distinguishes the slots, the one that GRUB starts without a record becomes the good one", async () => {
  const image = upgraded.fork();
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  await fat.remove("/tandem/disk.cfg");
  const text = "# GRUB Environment Block\ncontrol=2\nfallback=b\n".padEnd(ENV_BYTES, "#");
  await fat.write("/tandem/disk.cfg", contentOf(text));
  zero(image, "control", ALL);
  const { repaired } = await ask(image.file(), { fix: true });
  expect(repaired.at(-1)).toBe("write a new boot record: slot b is good");
});

test("a configuration of GRUB that names no slot of the disk is corrected, and its other settings stay", async () => {
  const image = upgraded.fork();
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  await fat.remove("/tandem/disk.cfg");
  const text = "# GRUB Environment Block\ncontrol=2\nfallback=recovery\nserial=0\n";
  await fat.write("/tandem/disk.cfg", contentOf(text));
  const [flaw] = complaints(await ask(image.file(), { fix: false }));
  expect(flaw).toEndWith('disk.cfg cannot be used: fallback is "recovery", want "b"');
  await ask(image.file(), { fix: true });
  const esp = rawEsp(partOfDisk(image.file(), "esp"));
  expect(readEspText(esp, "/tandem/disk.cfg", ENV_BYTES)).toMatch(
    /^# GRUB Environment Block\ncontrol=2\nfallback=b\nserial=0\n#+$/,
  );
});

test("an ESP whose files share clusters is reported", async () => {
  const image = upgraded.fork();
  const { tableOffsets } = readGeometry(partOfDisk(image.file(), "esp"));
  const before = await ask(image.file());
  // The chains of all files of two clusters and more end in the first one.
  for (const at of tableOffsets)
    image.write(PLACES.esp.offsetBytes + at + 7 * 2, Uint8Array.of(4, 0));
  const found = complaints(await ask(image.file()));
  expect(complaints(before)).toEqual([]);
  expect(found).toEqual([
    expect.stringMatching(/^EFI system partition: Cannot check .* shares clusters/),
  ]);
});

test("a new spec has the digest of the image if it is proven, and else the UUID of the file system", async () => {
  const image = upgraded.fork();
  const before = machineWith(image.file()).loaderData.spec("b");
  zero(image, "control", SPEC_B);
  await ask(image.file(), { fix: true });
  expect(machineWith(image.file()).loaderData.spec("b")).toEqual(before);
  zero(image, "control", ALL);
  await ask(image.file(), { fix: true });
  expect(machineWith(image.file()).loaderData.spec("b")).toEqual({
    ...before,
    digest: expect.stringMatching(/^uuid:[0-9a-f]{32}$/),
  });
});

test("a new first record has a generation that GRUB has not counted for", async () => {
  const image = upgraded.fork();
  const fat = Fat.open(partOfDisk(image.file(), "esp"));
  await fat.remove("/tandem/tries");
  const text = Buffer.from("# GRUB Environment Block\ns_gen=2\ns_trial=0\n".padEnd(ENV_BYTES, "#"));
  await fat.write("/tandem/tries", { sizeBytes: text.byteLength, read: () => [text] });
  zero(image, "control", ALL);
  await ask(image.file(), { fix: true });
  expect(machineWith(image.file()).loaderData.record?.gen).toBe(3);
});

test("--verify finds data that has changed, and --fix takes the mark of verification from the slot", async () => {
  const image = upgraded.fork();
  // Somewhere in the data of the kernel: no checksum of the file system covers it.
  const at = Buffer.from(image.bytes()).indexOf("kernel of v1", PLACES.a.offsetBytes);
  image.write(at, Uint8Array.of(1));
  expect(complaints(await ask(image.file()), "warn")).toHaveLength(1);
  const diagnosis = await ask(image.file(), { fix: true, verify: true });
  expect(diagnosis.repaired[0]).toBe("note in the state that slot a is not what was written");
  const { slots } = machineWith(image.file()).memory.state;
  expect(slots.a).not.toHaveProperty("verifiedAt");
});

test("a trial whose data has changed is ended", async () => {
  const image = await wholeDisk();
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  const at = Buffer.from(image.bytes()).indexOf("kernel of v2", PLACES.b.offsetBytes);
  image.write(at, Uint8Array.of(1));
  const { repaired } = await ask(image.file(), { fix: true, verify: true });
  expect(repaired).toEqual([
    "note in the state that slot b is not what was written",
    "take slot b out of the boot record",
  ]);
  const machine = machineWith(image.file());
  expect(machine.loaderData.record).toMatchObject({ good: "a", trial: undefined });
  expect(machine.loader.startProblem("b")).toBeDefined();
});

test("wrong labels are reported, and nothing is written", async () => {
  const image = upgraded.fork();
  const work = {
    system: systemWith(image.file()),
    talk: SILENT,
    signal: new AbortController().signal,
  };
  const labels = { control: "tandem-control", a: "left", b: "tandem-b", recovery: "none" };
  const before = Bun.hash(image.bytes());
  const diagnosis = await doctor(work, { disk: "/disk.img", labels }, { fix: true, verify: false });
  expect(complaints(diagnosis)).toEqual([expect.stringMatching(/Cannot find partition "left"/)]);
  expect(Bun.hash(image.bytes())).toBe(before);
});

test("a disk without any partition table is reported", async () => {
  const image = upgraded.fork();
  image.write(512, new Uint8Array(512));
  image.write(image.sizeBytes - 512, new Uint8Array(512));
  const diagnosis = await ask(image.file(), { fix: true });
  expect(complaints(diagnosis)).toEqual([expect.stringMatching(/^partition table: both copies/)]);
  expect(diagnosis).toMatchObject({ repaired: [], failed: [] });
});

test("a repair that fails does not prevent the others", async () => {
  const image = upgraded.fork();
  await Fat.open(partOfDisk(image.file(), "esp")).remove("/tandem/tries");
  zero(image, "control", ...STATES);
  const disk = image.file();
  const readOnlyEsp: BlockFile = {
    ...disk,
    write(offsetBytes, bytes) {
      if (offsetBytes >= PLACES.control.offsetBytes) disk.write(offsetBytes, bytes);
    },
  };
  const diagnosis = await ask(readOnlyEsp, { fix: true });
  expect(diagnosis.repaired).toEqual(["make a new state from what is in the slots"]);
  expect(diagnosis.failed).toEqual([expect.stringMatching(/^replace \/tandem\/tries: Cannot /)]);
  expect(complaints(diagnosis)).toHaveLength(1);
});
