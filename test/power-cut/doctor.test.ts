/** Cuts the power while doctor repairs: what boots before stays able to, and the next run finishes. */
import { expect, test } from "bun:test";
import { Fat } from "../../src/disk/fat.ts";
import { identityOf } from "../../src/ext4/identity.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { type Diagnosis, doctor } from "../../src/upgrade/doctor/doctor.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { partOfDisk, PLACES, systemWith } from "../fakes/whole-disk.ts";
import { expectTrial, explain, goOn, judge, learn, type Whole } from "./judge.ts";
import { boot } from "./loader.ts";
import { armed, upgraded } from "./story.ts";

function fix(disk: BlockFile): Promise<Diagnosis> {
  const work = { system: systemWith(disk), talk: SILENT, signal: new AbortController().signal };
  return doctor(work, { disk: "/disk.img" }, { fix: true, verify: true });
}

/** A spec that is made without any memory names its image by the UUID of the file system, which comes of digest and slot. */
function learnUuids(whole: Whole): void {
  const known = [...whole.entries()];
  for (const [digest, held] of known)
    for (const slot of ["a", "b"])
      whole.set(`uuid:${identityOf(digest, slot).replaceAll("-", "")}`, held);
}

interface Case {
  readonly name: string;
  readonly start: () => Promise<PagedImage>;
  readonly damage: (image: PagedImage) => void | Promise<void>;
  /** The damaged disk boots all the same, so a disk after any cut does, too. */
  readonly boots: boolean;
}

const zero = (image: PagedImage, at: number, sizeBytes: number): void =>
  image.write(at, new Uint8Array(sizeBytes));
const CONTROL = PLACES.control.offsetBytes;

const CASES: readonly Case[] = [
  {
    name: "the record lost",
    start: () => upgraded("grub"),
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  {
    name: "the record lost during a trial",
    start: () => armed("grub"),
    damage: (image) => zero(image, CONTROL, 4096 + 1024),
    boots: true,
  },
  {
    name: "the state lost",
    start: () => upgraded("grub"),
    damage: (image) => zero(image, CONTROL + 0x10000, PLACES.control.sizeBytes - 0x10000),
    boots: true,
  },
  {
    name: "the control partition wiped",
    start: () => upgraded("grub"),
    damage: (image) => zero(image, CONTROL, PLACES.control.sizeBytes),
    boots: false,
  },
  {
    name: "the control partition and slot a wiped",
    start: () => upgraded("grub"),
    damage(image) {
      zero(image, CONTROL, PLACES.control.sizeBytes);
      zero(image, PLACES.a.offsetBytes, 4096);
    },
    boots: false,
  },
  {
    name: "GRUB's scratch file lost",
    start: () => armed("grub"),
    damage: (image) => Fat.open(partOfDisk(image.file(), "esp")).remove("/tandem/tries"),
    boots: true,
  },
  {
    name: "the data of the trial changed",
    start: () => armed("grub"),
    damage(image) {
      const at = Buffer.from(image.bytes()).indexOf("kernel of v2", PLACES.b.offsetBytes);
      image.write(at, Uint8Array.of(1));
    },
    boots: true,
  },
  {
    name: "the primary partition table lost",
    start: () => upgraded("grub"),
    damage: (image) => zero(image, 512, 512),
    boots: true,
  },
];

test.each(CASES)("doctor with $name: every cut can be repaired", async (one) => {
  const start = await one.start();
  const whole: Whole = new Map();
  learn(whole, start.file());
  learnUuids(whole);
  await one.damage(start);
  const recorded = new RecordedDisk(start);
  const { repaired } = await fix(recorded.file);
  expect(repaired).not.toBeEmpty();
  let cuts = 0;
  for (const cut of recorded.cuts()) {
    await explain(cut, async () => {
      if (one.boots) await boot("grub", cut.image.fork().file());
      const disk = cut.image.file();
      const { findings, failed } = await fix(disk);
      expect(failed).toEqual([]);
      expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
      await judge(cut.image.fork(), { loader: "grub", whole, gen: 1, fell: false });
      await goOn(disk, (await boot("grub", disk)).cmdline, "v9");
      await expectTrial("grub", disk, "v9");
    });
    cuts += 1;
  }
  console.log(`doctor with ${one.name}: ${recorded.operations.length} operations, ${cuts} cuts`);
  expect(cuts).toBeGreaterThan(recorded.operations.length);
});
