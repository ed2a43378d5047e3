/**
 * Cuts the power at random moments of a real upgrade in a virtual machine, many times. Each time a system boots, and
 * the next upgrade succeeds. TANDEM_SEED repeats the same moments, TANDEM_SOAK_CUTS is the number of cuts.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { availableParallelism } from "node:os";
import type { Disk } from "../../scripts/disk.ts";
import type { Guest } from "./guest.ts";
import { makeWorld, type World } from "./story.ts";
import { Random, SEED } from "../faults/random.ts";

setDefaultTimeout(4 * 3_600_000);
const CUTS = Number(process.env["TANDEM_SOAK_CUTS"] ?? "4");

/** The messages at the start of an upgrade and between its steps. A cut comes some time after one of them. */
const MOMENTS = [/Plan 1:/, /unpacking/, /Reading back/, /Slot . holds/] as const;
/** The longest delay. The steps of such a small system take less. */
const WHILE_MS = 8000;

type Version = "1" | "2";

/** Waits for a boot and its good verdict. Returns the booted slot and version. */
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

/** Starts an upgrade, and cuts the power at that moment or at its end. Returns the booted slot and version. */
async function cutUpgrade(world: World, disk: Disk, { after, whileMs }: Moment): Promise<Version> {
  await using guest = world.powerOn(disk);
  const version = await settled(guest);
  await guest.start(`tandem upgrade ${world.from(otherOf(version))}`);
  await guest.machine.expectLine(new RegExp(`${after.source}|^E2E: status`), 600);
  await Bun.sleep(whileMs);
  await guest.machine.cut();
  return version;
}

/** Boots and upgrades without a cut. Returns the booted slot and version. */
async function upgradeWhole(world: World, disk: Disk): Promise<Version> {
  await using guest = world.powerOn(disk);
  const version = await settled(guest);
  const { status, output } = await guest.run(`tandem upgrade ${world.from(otherOf(version))}`, 900);
  expect({ status, output }).toMatchObject({ status: 0 });
  return version;
}

/** Cuts one machine this many times. Returns a line for each cut. */
async function lane(world: World, seed: number, cuts: number): Promise<string[]> {
  const random = new Random("power cut", seed);
  const disk = world.newDisk();
  const cutLines: string[] = [];
  let wanted: Version | undefined;
  for (let done = 0; done < cuts; done += 1) {
    const after = random.from(MOMENTS);
    const whileMs = random.below(random.below(WHILE_MS) + 1);
    const before = await cutUpgrade(world, disk, { after, whileMs });
    // The version that the previous upgrade has written.
    if (wanted !== undefined) expect(before).toBe(wanted);
    const came = await upgradeWhole(world, disk);
    wanted = otherOf(came);
    cutLines.push(
      `seed ${seed}, cut ${done + 1}, ${whileMs} ms after ${after}: ${came === before ? "the old" : "the new"} system came up`,
    );
    console.log(cutLines.at(-1));
  }
  await using guest = world.powerOn(disk);
  expect(await settled(guest)).toBe(wanted ?? "1");
  return cutLines;
}

test(`${CUTS} cuts at random moments (TANDEM_SEED=${SEED})`, async () => {
  await using world = await makeWorld();
  const lanes = Math.min(availableParallelism(), CUTS);
  const perLane = Math.ceil(CUTS / lanes);
  const cutLines = await Promise.all(
    Array.from({ length: lanes }, (_, index) => lane(world, SEED + index, perLane)),
  );
  const old = cutLines.flat().filter((line) => line.includes("the old")).length;
  console.log(
    `${cutLines.flat().length} cuts: ${old} times the old system came up, else the new one`,
  );
  expect(cutLines.flat().length).toBeGreaterThanOrEqual(CUTS);
});
