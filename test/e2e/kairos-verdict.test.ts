/** Verdicts on the systems of a whole Kairos machine with the stock menu of GRUB, where no hook gives them. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../scripts/disk/command.ts";
import { MiB } from "../../src/lib/units.ts";
import { makeKairosDisk } from "../kairos/disk.ts";
import { guestSystem, writeKairosImage } from "../kairos/images.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { startGuest, type Guest } from "./guest.ts";
import { UNDER_LOAD } from "./machine.ts";

/** Linux needs about ten seconds under emulation; the rest is for a machine that is busy with other things. */
const BOOT_SECONDS = 600;
setDefaultTimeout(3_600_000);

const TANDEM = join(import.meta.dir, "../../dist/tandem");
/** The systems that the machine has at first. */
const INSTALLED = {
  active: { label: "COS_ACTIVE", version: "0.1.0" },
  passive: { label: "COS_PASSIVE", version: "0.0.9" },
} as const;
/** Images for upgrades, on a second disk. */
const VERSIONS = ["0.2.0", "0.3.0"] as const;

const folder = await temporaryFolder();
const stick = folder.in("stick.img");
beforeAll(async () => {
  mkdirSync(folder.in("stick"));
  cpSync(TANDEM, folder.in("stick/tandem"));
  for (const version of VERSIONS)
    await writeImage(folder.in("stick/images"), {
      layers: [{ tar: guestSystem(version) }],
      tag: version,
    });
  command(["mke2fs", "-q", "-t", "ext4", "-d", folder.in("stick"), stick, "256M"]);
  for (const [name, { label, version }] of Object.entries(INSTALLED)) {
    const members = guestSystem(version);
    const system = { layout: folder.in("layout"), version, members, sizeBytes: 32 * MiB };
    await writeKairosImage(folder.in(`${name}.img`), label, system);
  }
});
afterAll(() => folder[Symbol.asyncDispose]());

function installedMachine(): Guest {
  const { path } = makeKairosDisk({
    path: folder.in(`${crypto.randomUUID()}.img`),
    active: folder.in("active.img"),
    passive: folder.in("passive.img"),
    stateBytes: 384 * MiB,
    grubenv: { extra_cmdline: `quiet ${UNDER_LOAD}` },
  });
  return startGuest({ disks: [path, stick] });
}

/** The image that boots next, with its version and sentinels. */
async function nextSystem({ machine }: Guest): Promise<string> {
  const line = await machine.expectLine(/^KAIROS: /, BOOT_SECONDS);
  const [, image = "", version = "", sentinels = ""] =
    /image=\/cOS\/(\w+)\.img version=(\S*) sentinels=(\S*)/.exec(line) ?? [];
  return image === "" ? line : `${image} ${version} ${sentinels}`;
}

const BESIDE = "mkdir -p /tmp/data && mount -t ext4 -o ro /dev/vdb /tmp/data";

async function tandem(guest: Guest, line: string): Promise<string> {
  const { status, output } = await guest.run(
    `[ -e /tmp/data/tandem ] || { ${BESIDE}; }; /tmp/data/tandem ${line}`,
  );
  if (status !== 0) throw new Error(`tandem ${line} ends with ${status}: ${output}`);
  return output;
}

const upgradeTo = (guest: Guest, version: string): Promise<string> =>
  tandem(guest, `--quiet upgrade --source oci-layout:/tmp/data/images:${version}`);

async function reboot(guest: Guest): Promise<string> {
  await guest.start("reboot -f");
  return nextSystem(guest);
}

test("without a hook the stock stage confirms a system, and the next upgrade goes on from it", async () => {
  await using guest = installedMachine();
  expect(await nextSystem(guest)).toBe("active v0.1.0 active_mode");
  await upgradeTo(guest, "0.2.0");
  expect(await reboot(guest)).toBe("active v0.2.0 active_mode");
  expect(await guest.run("sh /usr/bin/clear-assessment")).toMatchObject({ status: 0 });
  await upgradeTo(guest, "0.3.0");
  expect(await reboot(guest)).toBe("active v0.3.0 active_mode");
  expect(await reboot(guest)).toBe("passive v0.2.0 passive_mode,upgrade_failure");
});

test("a roll-back has one boot, and stays when it is marked good", async () => {
  await using guest = installedMachine();
  expect(await nextSystem(guest)).toBe("active v0.1.0 active_mode");
  await upgradeTo(guest, "0.2.0");
  expect(await reboot(guest)).toBe("active v0.2.0 active_mode");
  await tandem(guest, "mark good");
  await tandem(guest, "rollback");
  expect(await reboot(guest)).toBe("passive v0.1.0 passive_mode");
  await tandem(guest, "mark good");
  expect(await reboot(guest)).toBe("passive v0.1.0 passive_mode,upgrade_failure");
});
