/**
 * Cuts the power while the firmware renames an entry, which is how systemd-boot counts. Tries all ways in which
 * firmware may rename.
 */
import { expect, test } from "bun:test";
import { contentOf } from "../../src/boot/esp/esp.ts";
import { parseEntryName } from "../../src/boot/systemd-boot/entry.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { everyManner, type Manner, renameAsFirmware } from "../fakes/firmware-rename.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { type Cut, RecordedDisk } from "../fakes/recorded-disk.ts";
import { machineWith, partOfDisk, PLACES, wholeDisk } from "../fakes/whole-disk.ts";
import { explain, expectTrial, goOn, judge, learn, type Whole } from "./judge.ts";
import { boot } from "./loader.ts";
import { espOn, fix } from "./mend.ts";
import { armed, upgraded } from "./story.ts";

const FOLDER = "/loader/entries";
const LOADER = "systemd-boot";
/** The number of directory slots in one sector, and in one cluster. */
const [SECTOR_SLOTS, CLUSTER_SLOTS] = [16, 32] as const;
const EXACT: Manner = {
  order: "old goes first",
  place: "end",
  slots: "long name first",
  flush: "at the end",
};

interface Rename {
  readonly name: string;
  readonly start: () => Promise<PagedImage>;
  readonly from: string;
  readonly to: string;
  /** The slot in its sector or cluster at which the directory ends before the rename. -1: unchanged. */
  readonly endSlot?: number;
  /** The slot that the loader starts when it finds neither name. */
  readonly without: "a" | "b";
  /** Whether the loader may give up the trial after the rename. */
  readonly fell?: true;
}

const trial = (): Promise<PagedImage> => armed(LOADER);

/** The good slot has two boots, and there is no other slot to start. */
const limited = (): Promise<PagedImage> => wholeDisk("v1", { loader: LOADER, limit: 2 });

/** The directory ends in the middle of a name of three slots. */
const spanning = async (): Promise<PagedImage> => {
  const image = await trial();
  await fillTo(image, SECTOR_SLOTS - 2);
  await rename(image, "tandem-b+3.conf", "tandem-b+2-1.conf");
  return image;
};

const usedUpToOne = async (): Promise<PagedImage> => {
  const image = await trial();
  for (const [from, to] of [
    ["tandem-b+3.conf", "tandem-b+2-1.conf"],
    ["tandem-b+2-1.conf", "tandem-b+1-2.conf"],
  ] as const)
    await rename(image, from, to);
  return image;
};

const FIRST = { from: "tandem-b+3.conf", to: "tandem-b+2-1.conf", without: "a" } as const;

const RENAMES: readonly Rename[] = [
  { ...FIRST, name: "the first boot of a trial", start: trial },
  { ...FIRST, name: "a new name in two sectors", start: trial, endSlot: SECTOR_SLOTS - 1 },
  { ...FIRST, name: "a folder that has to grow", start: trial, endSlot: CLUSTER_SLOTS - 1 },
  {
    name: "an old name in two sectors",
    start: spanning,
    from: "tandem-b+2-1.conf",
    to: "tandem-b+1-2.conf",
    without: "a",
  },
  {
    name: "the last boot of a trial",
    start: usedUpToOne,
    from: "tandem-b+1-2.conf",
    to: "tandem-b+0-3.conf",
    without: "a",
    fell: true,
  },
  {
    name: "the good slot with a limit, alone",
    start: limited,
    from: "tandem-a+2.conf",
    to: "tandem-a+1-1.conf",
    without: "a",
  },
];

async function rename(image: PagedImage, from: string, to: string): Promise<void> {
  await renameAsFirmware(partOfDisk(image.file(), "esp"), { folder: FOLDER, from, to }, EXACT);
}

/** Adds files of another program, with one slot each, until the directory has this many slots. */
async function fillTo(image: PagedImage, slots: number): Promise<void> {
  const esp = espOn(image);
  const taken = (esp.list(FOLDER) ?? []).length * 3 + 2;
  for (let slot = taken; slot < slots; slot += 1)
    await esp.write(`${FOLDER}/FILE${slot}`, contentOf("not ours"));
}

/** Returns every different disk that a cut of this rename can leave. */
async function cutsOf(start: PagedImage, one: Rename): Promise<{ cuts: number; disks: Cut[] }> {
  const seen = new Map<bigint | number, Cut>();
  let cuts = 0;
  for (const manner of everyManner()) {
    const recorded = new RecordedDisk(start);
    await renameAsFirmware(partOfDisk(recorded.file, "esp"), { folder: FOLDER, ...one }, manner);
    for (const cut of recorded.cuts()) {
      cuts += 1;
      const esp = new Uint8Array(PLACES.esp.sizeBytes);
      cut.image.readInto(PLACES.esp.offsetBytes, esp);
      const name = `${Object.values(manner).join(", ")}: ${cut.name}`;
      seen.set(Bun.hash(esp), { ...cut, name });
    }
  }
  return { cuts, disks: [...seen.values()] };
}

function namesOn(image: PagedImage): string[] {
  return (espOn(image).list(FOLDER) ?? []).map(({ name }) => name);
}

/** Returns which of the two names exist. */
function leftOf(image: PagedImage, { from, to }: Rename): "both" | "neither" | "one" {
  const there = namesOn(image).filter((name) => name === from || name === to).length;
  return (["neither", "one", "both"] as const)[there] ?? "one";
}

test.each(RENAMES)("a system boots after a cut while the firmware renames: $name", async (one) => {
  const start = await one.start();
  if (one.endSlot !== undefined) await fillTo(start, one.endSlot);
  const whole: Whole = new Map();
  learn(whole, start.file());
  const others = namesOn(start).filter((name) => parseEntryName(name) === undefined);
  const { cuts, disks } = await cutsOf(start, one);
  const count = { both: 0, neither: 0, one: 0 };
  for (const cut of disks) {
    const left = leftOf(cut.image, one);
    count[left] += 1;
    await explain(cut, async () => {
      const { slot } = await boot(LOADER, cut.image.fork().file());
      if (left === "neither") expect(slot).toBe(one.without);
      await judge(cut.image.fork(), { loader: LOADER, whole, gen: 1, fell: one.fell ?? false });
      expectStatus(cut.image.fork(), left);
      await expectGoesOn(cut.image.fork(), others);
      await expectMends(cut.image.fork(), others);
    });
  }
  const { both, neither } = count;
  console.log(
    `${one.name}: ${cuts} cuts, ${disks.length} different disks, ${both} with both names, ${neither} with neither`,
  );
  console.log(`count: cuts ${cuts}`);
  expect(Math.min(both, neither, count.one)).toBeGreaterThan(0);
});

/** Checks that status can read the disk. */
function expectStatus(image: PagedImage, left: ReturnType<typeof leftOf>): void {
  const { problems, record } = statusOf(machineWith(image.file()));
  expect(record).toBeDefined();
  if (left !== "one") expect(problems).not.toBeEmpty();
}

/** Checks that a verdict and an upgrade work after the next boot, and that the rename leaves nothing behind. */
async function expectGoesOn(image: PagedImage, others: readonly string[]): Promise<void> {
  const disk = image.file();
  await goOn(disk, (await boot(LOADER, disk)).cmdline, "v9");
  expectClean(image, others);
  await expectTrial(LOADER, disk, "v9");
}

async function expectMends(image: PagedImage, others: readonly string[]): Promise<void> {
  const { findings, failed } = await fix(image.file());
  expect(failed).toEqual([]);
  expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
  expectClean(image, others);
  expect(statusOf(machineWith(image.file())).problems).toEqual([]);
}

/** Checks that each entry has one name, that other files are kept, and that no clusters are lost or shared. */
function expectClean(image: PagedImage, others: readonly string[]): void {
  const names = namesOn(image);
  expect(names.filter((name) => parseEntryName(name) === undefined)).toEqual([...others]);
  const stems = names.filter((name) => name.includes("+")).map((name) => name.split("+")[0]);
  expect(new Set(stems).size).toBe(stems.length);
}

test("renameAsFirmware() renames exactly, also in a folder with other files", async () => {
  const image = await upgraded(LOADER);
  await fillTo(image, 8);
  for (const manner of everyManner()) {
    const disk = image.fork();
    const names = { folder: FOLDER, from: "tandem-b.conf", to: "tandem-b+0-1.conf" };
    await renameAsFirmware(partOfDisk(disk.file(), "esp"), names, manner);
    const expected = namesOn(image).map((name) => (name === names.from ? names.to : name));
    expect(namesOn(disk).toSorted()).toEqual(expected.toSorted());
  }
});
