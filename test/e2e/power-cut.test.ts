/**
 * Pulls the plug at a random moment of a real upgrade in a real machine, again and again: each time a system comes up, and the next
 * upgrade succeeds. TANDEM_SEED tells the moments again, TANDEM_SOAK_CUTS how many.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { availableParallelism } from "node:os";
import type { Disk } from "../../scripts/disk.ts";
import type { Guest } from "./guest.ts";
import { makeWorld, type World } from "./story.ts";
import { Random, SEED } from "../faults/random.ts";

setDefaultTimeout(4 * 3_600_000);
const CUTS = Number(process.env["TANDEM_SOAK_CUTS"] ?? "4");

/** What an upgrade says at its beginning and between its steps. A cut comes a while after one of them. */
const MOMENTS = [/Plan 1:/, /unpacking/, /Reading back/, /Slot . holds/] as const;
/** The longest while: the steps of so small a system take less. */
const WHILE_MS = 8000;

type Version = "1" | "2";

/** What came up; it has been found good. */
async function settled(guest: Guest): Promise<Version> {
  const { slot, version } = await guest.booted();
  expect(await guest.machine.expectLine(/^Slot |^tandem: Cannot/, 600)).toBe(
    `Slot ${slot} is good`,
  );
  await guest.machine.expectLine(/^E2E: ready/, 600);
  if (version === "1" || version === "2") return version;
  throw new Error(`version ${version} came up`);
}

const otherOf = (version: Version): Version => (version === "1" ? "2" : "1");

interface Moment {
  readonly after: RegExp;
  readonly whileMs: number;
}

/** Begins an upgrade, and pulls the plug at that moment or when it is over. Returns what had come up. */
async function cutUpgrade(world: World, disk: Disk, { after, whileMs }: Moment): Promise<Version> {
  await using guest = world.powerOn(disk);
  const version = await settled(guest);
  await guest.start(`tandem upgrade ${world.from(otherOf(version))}`);
  await guest.machine.expectLine(new RegExp(`${after.source}|^E2E: status`), 600);
  await Bun.sleep(whileMs);
  await guest.machine.cut();
  return version;
}

/** Lets what comes up upgrade without a cut. Returns what had come up. */
async function upgradeWhole(world: World, disk: Disk): Promise<Version> {
  await using guest = world.powerOn(disk);
  const version = await settled(guest);
  const { status, output } = await guest.run(`tandem upgrade ${world.from(otherOf(version))}`, 900);
  expect({ status, output }).toMatchObject({ status: 0 });
  return version;
}

/** One machine, cut so many times. Returns a line for each. */
async function lane(world: World, seed: number, cuts: number): Promise<string[]> {
  const random = new Random("power cut", seed);
  const disk = world.newDisk();
  const told: string[] = [];
  let wanted: Version | undefined;
  for (let done = 0; done < cuts; done += 1) {
    const after = random.from(MOMENTS);
    const whileMs = random.below(random.below(WHILE_MS) + 1);
    const before = await cutUpgrade(world, disk, { after, whileMs });
    // What the upgrade before this one has written.
    if (wanted !== undefined) expect(before).toBe(wanted);
    const came = await upgradeWhole(world, disk);
    wanted = otherOf(came);
    told.push(
      `seed ${seed}, cut ${done + 1}, ${whileMs} ms after ${after}: ${came === before ? "the old" : "the new"} system came up`,
    );
    console.log(told.at(-1));
  }
  await using guest = world.powerOn(disk);
  expect(await settled(guest)).toBe(wanted ?? "1");
  return told;
}

test(`${CUTS} cuts at random moments (TANDEM_SEED=${SEED})`, async () => {
  await using world = await makeWorld();
  const lanes = Math.min(availableParallelism(), CUTS);
  const perLane = Math.ceil(CUTS / lanes);
  const told = await Promise.all(
    Array.from({ length: lanes }, (_, index) => lane(world, SEED + index, perLane)),
  );
  const old = told.flat().filter((line) => line.includes("the old")).length;
  console.log(`${told.flat().length} cuts: ${old} times the old system came up, else the new one`);
  expect(told.flat().length).toBeGreaterThanOrEqual(CUTS);
});
