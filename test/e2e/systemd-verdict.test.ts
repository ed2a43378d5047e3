/**
 * Tests tandem under a real systemd: a verdict ends the timer, an overdue verdict waits for an upgrade, a reboot may be
 * refused.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeDisk, type Disk } from "../../scripts/disk.ts";
import { command } from "../../scripts/disk/command.ts";
import { installFirst } from "../../scripts/disk/first-system.ts";
import { MiB } from "../../src/lib/units.ts";
import { writeImage } from "../peers/image.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { guestMembers } from "./guest-image.ts";
import { startGuest, type Guest } from "./guest.ts";
import { SETTINGS, writeHook } from "./hook-files.ts";
import { makeSystemdRoot, membersOf } from "./systemd-root.ts";

setDefaultTimeout(1_800_000);

const WITHIN_SECONDS = 600;
const TANDEM = join(import.meta.dir, "../../dist/tandem");
const UPGRADE = "tandem upgrade --source oci-layout:/data/layout:2";

/** The second disk, with tandem and the image for the upgrade. */
const DATA = `[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/busybox mount -t ext4 -o ro /dev/vdb /data
`;

/** A script that runs beside the checks, or after the verdict. */
const story = (after: string): string => `[Unit]
DefaultDependencies=no
After=data.service ${after}
[Service]
ExecStart=/bin/sh /etc/story
StandardOutput=journal+console
StandardError=journal+console
`;

/** The target that the checks wait for is never reached. */
const STUCK = `[Unit]
Before=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/sleep 100000
`;

/**
 * The timer ends with the verdict. Then systemd refuses a reboot, because its target is masked, and accepts another
 * one.
 */
const PASSES = `echo "timer: $(systemctl is-active tandem-overdue.timer)"
mkdir -p /run/systemd/system
ln -s /dev/null /run/systemd/system/reboot.target
systemctl daemon-reload
${UPGRADE} --reboot
echo "refused: status $?"
rm /run/systemd/system/reboot.target
systemctl daemon-reload
tandem rollback --reboot
echo "agreed: status $?"
`;

/** The time for the verdict ends while an upgrade writes. */
const STUCK_STORY = `${UPGRADE} &
until tandem status 2>/dev/null | grep writing; do sleep 1; done
systemctl start --no-block tandem-overdue.service
wait
`;

/** The files of every guest. */
const BROUGHT =
  /^(?:(?:dev|proc|run|sys|tmp)(?:\/.*)?|etc|etc\/os-release|(?:usr\/)?s?bin|usr\/bin\/(?:busybox|cat|sh|sleep|touch))$/;

const folder = await temporaryFolder();
const disks = new Map<string, Disk>();
beforeAll(async () => {
  mkdirSync(folder.in("stick"));
  cpSync(TANDEM, folder.in("stick/tandem"));
  const layer = { tar: guestMembers({ version: "2" }) };
  await writeImage(folder.in("stick/layout"), { layers: [layer], tag: "2" });
  command(["mke2fs", "-q", "-t", "ext4", "-d", folder.in("stick"), folder.in("stick.img"), "256M"]);
  await makeSystem("passes", { "etc/story": PASSES }, ["data", "story"]);
  await makeSystem("stuck", { "etc/story": STUCK_STORY }, ["data", "story", "stuck"]);
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Makes a disk with this system in slot a. Its boots are counted. */
async function makeSystem(
  name: string,
  files: Readonly<Record<string, string>>,
  wanted: readonly string[],
): Promise<void> {
  const root = folder.in(name);
  const units = join(root, "usr/lib/systemd/system");
  writeHook(root, "systemd", { ...SETTINGS, overdueSeconds: 100_000 });
  const after = name === "passes" ? "tandem-health.service" : "";
  const texts = { data: DATA, story: story(after), stuck: STUCK };
  for (const [unit, text] of Object.entries(texts))
    await Bun.write(join(units, `${unit}.service`), text);
  for (const unit of wanted)
    command(["ln", "-s", `../${unit}.service`, join(units, "sysinit.target.wants")]);
  makeSystemdRoot(root);
  command(["ln", "-s", "/data/tandem", join(root, "usr/bin/tandem")]);
  command(["ln", "-s", "../lib/systemd/systemd", join(root, "usr/sbin/init")]);
  const tar = guestMembers({
    version: name,
    isEmpty: true,
    members: membersOf(root).filter(({ path }) => !BROUGHT.test(path)),
    files,
  });
  const layout = folder.in(`${name}-layout`);
  await writeImage(layout, { layers: [{ tar }], tag: "1" });
  const disk = makeDisk({ path: folder.in(`${name}.img`), slotBytes: 128 * MiB, serial: 0 });
  await installFirst(disk, { source: `oci-layout:${layout}:1`, limit: 3 });
  disks.set(name, disk);
}

function powerOn(name: string): Guest {
  const path = disks.get(name)?.path ?? "";
  return startGuest({ disks: [path, folder.in("stick.img")] });
}

const RESTARTS = /reboot: Restarting system/;

async function expectLines(guest: Guest, lines: readonly RegExp[]): Promise<void> {
  for (const line of lines) await guest.machine.expectLine(line, WITHIN_SECONDS);
}

test("a good verdict ends the timer, and the machine restarts only when systemd accepts the reboot", async () => {
  await using guest = powerOn("passes");
  await expectLines(guest, [/Slot a is good/]);
  expect(await guest.machine.expectLine(/timer: (?:in)?active/, WITHIN_SECONDS)).toEndWith(
    "timer: inactive",
  );
  await expectLines(guest, [
    /Slot b holds .* is tried at the next boot/,
    /Cannot restart the machine: systemd was asked .* refused with status 1: .*masked/,
    /refused: status 9/,
    /The trial is withdrawn/,
    /agreed: status 0/,
  ]);
  expect(guest.machine.lines.filter((line) => RESTARTS.test(line))).toEqual([]);
  await expectLines(guest, [RESTARTS, /Slot a is good/]);
});

test("a boot whose time ends during an upgrade ends after the upgrade, and the reason is recorded", async () => {
  await using guest = powerOn("stuck");
  const waits = /Waiting for another run of tandem/;
  const next = new RegExp(`${waits.source}|${RESTARTS.source}`);
  expect(await guest.machine.expectLine(next, WITHIN_SECONDS)).toMatch(waits);
  await expectLines(guest, [
    /Slot b holds .* is tried at the next boot/,
    /Slot a failed: it gave no verdict in time/,
  ]);
  expect(guest.machine.lines.filter((line) => RESTARTS.test(line))).toEqual([]);
  await expectLines(guest, [RESTARTS]);
  expect(await guest.booted()).toMatchObject({ slot: "b", version: "2" });
  await expectLines(guest, [/^E2E: ready/]);
  expect((await guest.run("tandem status")).output).toMatch(/failed a: it gave no verdict in time/);
});
