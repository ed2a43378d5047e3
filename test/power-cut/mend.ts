/** Repairs a damaged disk with doctor, and cuts the power at every point of the repair. */
import { expect } from "bun:test";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { Fat } from "../../src/fat/fat.ts";
import { identityOf } from "../../src/ext4/identity.ts";
import { SILENT } from "../../src/lib/talk.ts";
import type { BlockFile } from "../../src/system/block-file.ts";
import { type Diagnosis, doctor } from "../../src/doctor/doctor.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { partOfDisk, PLACES, systemWith } from "../fakes/whole-disk.ts";
import { expectTrial, explain, goOn, judge, learn, type Whole } from "./judge.ts";
import { boot } from "./loader.ts";
import { armed } from "./story.ts";

export interface Damage {
  readonly name: string;
  readonly start: (loader: LoaderName) => Promise<PagedImage>;
  readonly damage: (image: PagedImage) => void | Promise<void>;
  /** Whether the damaged disk boots. Then the disk must boot after any cut too. */
  readonly boots: boolean;
}

export function zero(image: PagedImage, at: number, sizeBytes: number): void {
  image.write(at, new Uint8Array(sizeBytes));
}

export const CONTROL: number = PLACES.control.offsetBytes;

export function wipeControl(image: PagedImage): void {
  zero(image, CONTROL, PLACES.control.sizeBytes);
}

export function wipeControlAnd(slot: "a" | "b"): Damage["damage"] {
  return (image) => {
    wipeControl(image);
    zero(image, PLACES[slot].offsetBytes, 4096);
  };
}

/** The offset of a byte in the kernel of v2, which is on trial in slot b. */
export const TRIAL_CHANGED: Damage = {
  name: "the data of the trial changed",
  start: armed,
  damage(image) {
    const at = Buffer.from(image.bytes()).indexOf("kernel of v2", PLACES.b.offsetBytes);
    image.write(at, Uint8Array.of(1));
  },
  boots: true,
};

export function espOn(image: PagedImage): Fat {
  return Fat.open(partOfDisk(image.file(), "esp"));
}

export function fix(disk: BlockFile): Promise<Diagnosis> {
  const work = { system: systemWith(disk), talk: SILENT, signal: new AbortController().signal };
  return doctor(work, { disk: "/disk.img" }, { fix: true, verify: true });
}

/**
 * Cuts the repair at every point. Expects that each disk boots, that the next run repairs it, and that it can be
 * upgraded.
 */
export async function expectMends(loader: LoaderName, one: Damage): Promise<void> {
  const start = await one.start(loader);
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
      if (one.boots) await boot(loader, cut.image.fork().file());
      await expectMended(loader, cut.image, whole);
    });
    cuts += 1;
  }
  const { length } = recorded.operations;
  console.log(`doctor, ${loader}, ${one.name}: ${length} operations, ${cuts} cuts, all mended`);
  console.log(`count: cuts ${cuts}`);
  expect(cuts).toBeGreaterThan(length);
}

async function expectMended(loader: LoaderName, image: PagedImage, whole: Whole): Promise<void> {
  const disk = image.file();
  const { findings, failed } = await fix(disk);
  expect(failed).toEqual([]);
  expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
  await judge(image.fork(), { loader, whole, gen: 1, fell: false });
  await goOn(disk, (await boot(loader, disk)).cmdline, "v9");
  await expectTrial(loader, disk, "v9");
}

/**
 * Without a state doctor finds the digest of an image by the UUID of its file system, which depends on digest and slot.
 */
function learnUuids(whole: Whole): void {
  const known = [...whole.entries()];
  for (const [digest, held] of known)
    for (const slot of ["a", "b"])
      whole.set(`uuid:${identityOf(digest, slot).replaceAll("-", "")}`, held);
}
