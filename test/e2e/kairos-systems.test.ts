/**
 * Whole systems in the images of a Kairos machine: the initrd finds and mounts the image that GRUB has chosen, and the system reports
 * which one it is.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { MiB } from "../../src/lib/units.ts";
import { bootKairos } from "../fakes/kairos-loader.ts";
import { makeKairosDisk, type KairosDisk } from "../kairos/disk.ts";
import { guestSystem, writeKairosImage } from "../kairos/images.ts";
import { volumesOf } from "../kairos/volumes.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { startGuest, type Guest } from "./guest.ts";
import { UNDER_LOAD } from "./machine.ts";

/** Linux needs about ten seconds under emulation; the rest is for a machine that is busy with other things. */
const BOOT_SECONDS = 600;
setDefaultTimeout(1_800_000);

const SYSTEMS = {
  active: { label: "COS_ACTIVE", version: "0.2.0" },
  passive: { label: "COS_PASSIVE", version: "0.1.0" },
  // Without the directories that an upgrade makes in every image.
  bare: { label: "COS_ACTIVE", version: "0.3.0" },
} as const;

const folder = await temporaryFolder();
beforeAll(async () => {
  for (const [name, { label, version }] of Object.entries(SYSTEMS)) {
    const members = guestSystem(version).filter(({ path }) => name !== "bare" || path !== "oem");
    const system = { layout: folder.in("layout"), version, members, sizeBytes: 32 * MiB };
    await writeKairosImage(folder.in(`${name}.img`), label, system);
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A disk after an upgrade: the new system has one boot. */
function upgradedDisk(active: "active" | "bare"): KairosDisk {
  return makeKairosDisk({
    path: folder.in(`${crypto.randomUUID()}.img`),
    active: folder.in(`${active}.img`),
    passive: folder.in("passive.img"),
    stateBytes: 96 * MiB,
    grubenv: { next_entry: "cos", extra_cmdline: `quiet ${UNDER_LOAD}` },
    assessment: { enable_boot_assessment: "yes", boot_assessment_tentative: "yes" },
  });
}

/** The report of the next system, or of an initrd that met a problem. */
async function nextSystem({ machine }: Guest): Promise<string> {
  const line = await machine.expectLine(/^KAIROS: /, BOOT_SECONDS);
  return line.slice("KAIROS: ".length);
}

test("a system without mount points starts without its partitions, and the passive one follows and knows why", async () => {
  await using guest = startGuest({ disks: [upgradedDisk("bare").path] });
  expect(await nextSystem(guest)).toBe("initrd: the image has no mount points");
  expect(await nextSystem(guest)).toBe(
    "image=/cOS/active.img version=v0.3.0 sentinels=active_mode partitions=0",
  );
  await guest.start("reboot -f");
  expect(await nextSystem(guest)).toBe(
    "image=/cOS/passive.img version=v0.1.0 sentinels=passive_mode,upgrade_failure partitions=2",
  );
});

test("a system that clears the assessment is booted again", async () => {
  const disk = upgradedDisk("active");
  await using guest = startGuest({ disks: [disk.path], once: true });
  expect(await nextSystem(guest)).toBe(
    "image=/cOS/active.img version=v0.2.0 sentinels=active_mode partitions=2",
  );
  expect(await guest.run("sh /usr/bin/clear-assessment")).toEqual({ status: 0, output: "" });
  await guest.start("reboot -f");
  await guest.machine.off;
  const menu = { volumes: volumesOf(disk) };
  expect([bootKairos(menu).entry, bootKairos(menu).entry]).toEqual(["cos", "cos"]);
});
