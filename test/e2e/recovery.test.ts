/**
 * A machine with a recovery slot, whose firmware stores a panicking kernel's log: it falls back to recovery and is
 * repaired.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { partOf } from "../../scripts/disk.ts";
import { writeAt } from "../../scripts/disk/write-at.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Guest } from "./guest.ts";
import { makeWorld, type World } from "./story.ts";

setDefaultTimeout(3_600_000);

let world: World;
beforeAll(async () => {
  world = await makeWorld({ recoveryBytes: 64 * MiB, kernel: { modules: ["efi_pstore"] } });
});
afterAll(() => world[Symbol.asyncDispose]());

/** "b 2: Slot b is good": the booted slot and version, and tandem's message at boot. */
async function settled(guest: Guest): Promise<string> {
  const { slot, version } = await guest.booted();
  const message = await guest.machine.expectLine(/^Slot |^tandem: Cannot/, 600);
  await guest.machine.expectLine(/^E2E: ready/, 600);
  return `${slot} ${version}: ${message}`;
}

test("the last lines of a trial that panics are recorded, and recovery repairs the machine when the good slot is lost", async () => {
  const disk = world.newDisk();
  {
    await using guest = world.powerOn(disk, { firmware: "efi" });
    expect(await settled(guest)).toBe("a 1: Slot a is good");
    const stored = await guest.run(`tandem upgrade ${world.from("2")} --slot recovery`);
    expect(stored.output).toContain("Slot recovery holds sha256:");
    await guest.start(`tandem upgrade ${world.from("panics")} --tries 1 --reboot`);
    await guest.machine.expectLine(/reboot: Restarting system/, 600);
    expect((await guest.booted()).version).toBe("panics");
    expect(await settled(guest)).toBe("a 1: Slot a is good");
    const { output } = await guest.run("tandem why");
    expect(output).toContain("slot b was given up: nothing was heard of it");
    expect(output).toMatch(/the last words of its kernel:\n( {2}\| .*\n)*.*sysrq triggered crash/);
    expect(output).toContain("Slot a (1) runs and is the good one.");
    const status = await guest.run("tandem status");
    expect(status.output).toMatch(/^fell {10}slot b at .*: its tries were used up/m);
    expect(status.output).toMatch(/^slot recovery last, written: 2$/m);
  }
  writeAt(disk.path, partOf(disk, "a").offsetBytes, new Uint8Array(MiB));
  await using guest = world.powerOn(disk, { firmware: "efi" });
  expect(await settled(guest)).toBe("recovery 2: Slot recovery is good");
  const { output } = await guest.run("tandem why");
  expect(output).toContain("slot a was given up: the boot loader could not load its kernel");
  await guest.start(`tandem upgrade ${world.from("1")} --reboot`);
  expect(await settled(guest)).toBe("b 1: Slot b is good");
  expect((await guest.run("tandem status")).output).toMatch(/^slot recovery last, written: 2$/m);
});
