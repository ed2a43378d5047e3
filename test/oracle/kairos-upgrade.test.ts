/** Whole upgrades of a Kairos machine, on a disk that the kernel has mounted. Needs root. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { SILENT } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import type { Work } from "../../src/machine/open-source.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import { kairosPartitionParts } from "../../src/report/kairos-partitions.ts";
import { upgrade, type UpgradeReport, type UpgradeRequest } from "../../src/upgrade/upgrade.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { verify } from "../../src/upgrade/verify.ts";
import { health } from "../../src/verdict/health.ts";
import { markBad } from "../../src/verdict/mark.ts";
import { type Status, statusOf } from "../../src/verdict/status.ts";
import { whyOf } from "../../src/verdict/why.ts";
import { parseEnv } from "../fakes/env-block.ts";
import { readOnDisk } from "../kairos/disk.ts";
import { probeSystem, writeKairosImage } from "../kairos/images.ts";
import { writeImage } from "../peers/image.ts";
import { type Booted, KairosBox } from "../peers/kairos-box.ts";
import { collected } from "../report/collected.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

setDefaultTimeout(120_000);

const folder = await temporaryFolder();
const LAYOUT = folder.in("layout");
const PLAN = {
  deadlineSeconds: 60,
  checkSeconds: 1,
  required: [],
  wanted: [],
  expect: { mounted: [], noFailedUnits: false, freeSpace: {}, urls: [], tcp: [], processes: [] },
};
const LABELS = { active: "COS_ACTIVE", passive: "COS_PASSIVE", recovery: "COS_SYSTEM" } as const;
const VERSIONS = { active: "0.1.0", passive: "0.0.9", recovery: "0.0.1" } as const;

beforeAll(async () => {
  for (const name of ["active", "passive", "recovery"] as const) {
    const version = VERSIONS[name];
    const system = { layout: LAYOUT, version, members: probeSystem(version), sizeBytes: 8 * MiB };
    await writeKairosImage(folder.in(`${name}.img`), LABELS[name], system);
  }
  for (const version of ["0.2.0", "0.3.0"])
    await writeImage(LAYOUT, { layers: [{ tar: probeSystem(version) }], tag: version });
});
afterAll(() => folder[Symbol.asyncDispose]());

const box = (): Promise<KairosBox> =>
  KairosBox.make({
    active: folder.in("active.img"),
    passive: folder.in("passive.img"),
    recovery: folder.in("recovery.img"),
    grubenv: {},
    stateBytes: 400 * MiB,
    recoveryBytes: 128 * MiB,
  });

const workIn = ({ system }: Booted): Work => ({
  system,
  talk: SILENT,
  signal: new AbortController().signal,
});

const upgradeTo = (
  booted: Booted,
  version: string,
  { work = workIn(booted), ...more }: Partial<UpgradeRequest> & { readonly work?: Work } = {},
): Promise<UpgradeReport> =>
  withMachine(work, { lock: true }, (machine) =>
    upgrade(work, machine, {
      source: `oci-layout:${LAYOUT}:${version}`,
      tries: 1,
      reboot: false,
      retryBad: false,
      dryRun: false,
      jobs: 1,
      insecureRegistries: [],
      ...more,
    }),
  );

const checked = (booted: Booted, isHealthy = true) =>
  withMachine(workIn(booted), { lock: true }, (machine) =>
    health(workIn(booted), machine, {
      ...PLAN,
      expect: { ...PLAN.expect, mounted: isHealthy ? [] : ["/no/such/mount/point"] },
    }),
  );

const status = (booted: Booted): Promise<Status> =>
  withMachine(workIn(booted), { lock: false }, (machine) => statusOf(machine));

const versions = async (booted: Booted): Promise<string[]> =>
  (await status(booted)).slots.map(({ slot, role, version, verdict, status: state }) =>
    `${slot} ${role} ${version ?? state} ${verdict ?? ""}`.trim(),
  );

test("a report after an upgrade explains the next boot, and leaves no mount", async () => {
  await using machine = await box();
  const first = await machine.boot();
  await upgradeTo(first, "0.2.0");
  const before = first.system.files.readText("/proc/self/mountinfo");
  const { texts, missing } = await collected(kairosPartitionParts(first.system, undefined));
  expect(missing).toEqual([]);
  expect(texts["kairos/COS_STATE.txt"]).toMatch(
    /^\/cOS\/active.img \d+ label COS_ACTIVE UUID [0-9a-f-]{36}$/m,
  );
  expect(texts["kairos/COS_STATE.txt"]).toMatch(/^\/cOS\/passive.img \d+ label COS_PASSIVE UUID /m);
  expect(texts["kairos/COS_RECOVERY.txt"]).toMatch(/^\/cOS\/recovery.img \d+ label COS_SYSTEM /m);
  expect(texts["kairos/COS_STATE/boot_assessment"]).toContain("boot_assessment_tentative=yes\n");
  expect(texts["kairos/COS_OEM/grubenv"]).toContain("next_entry=cos\n");
  expect(texts["kairos/COS_STATE/tandem/state-0"]).toContain("0.2.0");
  expect(first.system.files.readText("/proc/self/mountinfo")).toBe(before);
});

test("an upgrade, its proof, and the next one", async () => {
  await using machine = await box();
  const first = await machine.boot();
  expect(first.cmdline).toContain("active.img");
  expect(await versions(first)).toEqual([
    "recovery last unknown",
    "active good unknown",
    "passive passive unknown",
  ]);
  expect(await upgradeTo(first, "0.2.0")).toMatchObject({
    outcome: "upgraded",
    slot: "active",
    version: "v0.2.0",
    tries: 1,
  });
  expect(readdirSync(`${first.mount}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
  expect(await status(first)).toMatchObject({
    booted: "passive",
    record: { good: "passive", trial: "active", tries: 1, last: "recovery" },
    next: { slot: "active", role: "trial", left: 1 },
    problems: [],
  });
  const second = await machine.boot();
  expect(second).toMatchObject({ entry: "cos", findsRoot: true });
  expect(await status(second)).toMatchObject({ booted: "active", left: 0 });
  expect(await checked(second)).toMatchObject({ healthy: true, slot: "active" });
  expect(await versions(second)).toEqual([
    "recovery last unknown",
    "active good v0.2.0 good",
    "passive passive unknown",
  ]);
  const third = await machine.boot();
  expect(third).toMatchObject({ entry: "cos", findsRoot: true });
  await upgradeTo(third, "0.3.0");
  const fourth = await machine.boot();
  await checked(fourth);
  expect(await versions(fourth)).toEqual([
    "recovery last unknown",
    "active good v0.3.0 good",
    "passive passive v0.2.0 good",
  ]);
  await withMachine(workIn(fourth), { lock: true }, async (opened) => {
    expect(await verify(workIn(fourth), opened, "passive")).toMatchObject({ slot: "passive" });
  });
});

test("a system that does not start leads back, and is known to be bad", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  expect(await machine.boot()).toMatchObject({ entry: "cos" });
  // It panics: nothing of it runs.
  const back = await machine.boot();
  expect(back).toMatchObject({ entry: "fallback", findsRoot: true });
  expect(await status(back)).toMatchObject({ booted: "passive", fell: "active" });
  expect(await checked(back)).toMatchObject({ healthy: true, slot: "passive", fell: "active" });
  expect(await versions(back)).toEqual([
    "recovery last unknown",
    "active passive v0.2.0 bad",
    "passive good unknown good",
  ]);
  const why = await withMachine(workIn(back), { lock: false }, (opened) => whyOf(opened));
  expect(why).toMatchObject({ about: "fall", slot: "active", fall: { stage: "silent" } });
  await expect(upgradeTo(back, "0.2.0")).rejects.toThrow("it was rolled back");
  // The passive system stays, and boots again, until there is a better one.
  expect(await machine.boot()).toMatchObject({ entry: "fallback" });
  const again = await machine.boot();
  await upgradeTo(again, "0.3.0");
  const fixed = await machine.boot();
  expect(fixed).toMatchObject({ entry: "cos" });
  await checked(fixed);
  expect(await versions(fixed)).toEqual([
    "recovery last unknown",
    "active good v0.3.0 good",
    "passive passive unknown good",
  ]);
});

test("a system whose checks fail leads back, although the stage of Kairos has confirmed it", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  const trial = await machine.boot();
  expect(await checked(trial, false)).toMatchObject({ healthy: false, stay: undefined });
  const back = await machine.boot();
  expect(back).toMatchObject({ entry: "fallback" });
  await checked(back);
  const why = await withMachine(workIn(back), { lock: false }, (opened) => whyOf(opened));
  expect(why).toMatchObject({ about: "fall", slot: "active", fall: { stage: "checks" } });
});

test("from the passive system the active one is replaced, and the passive one stays", async () => {
  await using machine = await box();
  const passive = await machine.boot({ image: "/cOS/passive.img" });
  expect(await status(passive)).toMatchObject({ booted: "passive", record: { good: "active" } });
  await upgradeTo(passive, "0.2.0");
  const next = await machine.boot();
  expect(next).toMatchObject({ entry: "cos" });
  await checked(next);
  expect(await versions(next)).toEqual([
    "recovery last unknown",
    "active good v0.2.0 good",
    "passive passive unknown",
  ]);
});

test("from the recovery system the active one is replaced, and recovery itself can be upgraded", async () => {
  await using machine = await box();
  const recovery = await machine.boot({ image: "/cOS/recovery.img" });
  expect(await status(recovery)).toMatchObject({ booted: "recovery" });
  expect(await upgradeTo(recovery, "0.3.0", { slot: "recovery" })).toMatchObject({
    outcome: "stored",
    slot: "recovery",
    version: "v0.3.0",
  });
  await upgradeTo(recovery, "0.2.0");
  const next = await machine.boot();
  expect(next).toMatchObject({ entry: "cos" });
  await checked(next);
  expect(await versions(next)).toEqual([
    "recovery last v0.3.0",
    "active good v0.2.0 good",
    "passive passive unknown",
  ]);
});

test("roll-back starts the passive system, and its proof makes it stay", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  const active = await machine.boot();
  await checked(active);
  await withMachine(workIn(active), { lock: true }, (opened) => rollback(opened, 1));
  const passive = await machine.boot();
  expect(passive).toMatchObject({ entry: "fallback" });
  await checked(passive);
  const still = await machine.boot();
  expect(still).toMatchObject({ entry: "fallback" });
  // The way forth again, after an upgrade that was killed.
  await machine.leave(still, "cOS/transition.img");
  await withMachine(workIn(still), { lock: true }, (opened) => rollback(opened, 1));
  expect(await machine.boot()).toMatchObject({ entry: "cos" });
});

test("a roll-back that fails leads to the active system again", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  const active = await machine.boot();
  await checked(active);
  await withMachine(workIn(active), { lock: true }, (opened) => rollback(opened, 1));
  expect(await machine.boot()).toMatchObject({ entry: "fallback" });
  const back = await machine.boot();
  expect(back).toMatchObject({ entry: "cos" });
  expect(await checked(back)).toMatchObject({ slot: "active", fell: "passive" });
});

test("a system that is found bad by hand is left at the next boot", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  const trial = await machine.boot();
  await withMachine(workIn(trial), { lock: true }, (opened) => markBad(opened, undefined, "slow"));
  const back = await machine.boot();
  expect(back).toMatchObject({ entry: "fallback" });
  expect(await checked(back)).toMatchObject({ slot: "passive", fell: undefined });
  expect(await versions(back)).toEqual([
    "recovery last unknown",
    "active passive v0.2.0 bad",
    "passive good unknown good",
  ]);
});

test("a second upgrade before the reboot replaces the new system, and keeps the one that runs", async () => {
  await using machine = await box();
  const first = await machine.boot();
  await upgradeTo(first, "0.2.0");
  await upgradeTo(first, "0.3.0");
  const assessment = parseEnv(readOnDisk(machine.disk, "state", "/boot_assessment"));
  expect(assessment.get("boot_assessment_tentative")).toBe("yes");
  const next = await machine.boot();
  await checked(next);
  expect(await versions(next)).toEqual([
    "recovery last unknown",
    "active good v0.3.0 good",
    "passive passive unknown",
  ]);
});

test("who stops an upgrade while it arms gets all of it, and before that nothing", async () => {
  await using machine = await box();
  const first = await machine.boot();
  const stopAt = (word: string): Work => {
    const stop = new AbortController();
    const debug = (text: string): void => {
      if (text.startsWith(`Step: ${word}`)) stop.abort();
    };
    return { ...workIn(first), talk: { ...SILENT, debug }, signal: stop.signal };
  };
  await expect(upgradeTo(first, "0.2.0", { work: stopAt("record") })).rejects.toMatchObject({
    code: "interrupted",
  });
  expect(readdirSync(`${first.mount}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
  expect(await status(first)).toMatchObject({ booted: "active", record: { good: "active" } });
  await upgradeTo(first, "0.2.0", { work: stopAt("let the boot loader") });
  expect(await status(first)).toMatchObject({ record: { good: "passive", trial: "active" } });
  const next = await machine.boot();
  expect(next).toMatchObject({ entry: "cos", findsRoot: true });
  await checked(next);
  expect((await versions(next))[1]).toBe("active good v0.2.0 good");
});

test("the recovery system is no slot to roll back to", async () => {
  await using machine = await box();
  const first = await machine.boot();
  await withMachine(workIn(first), { lock: true }, async (opened) => {
    await expect(rollback(opened, 1, "recovery")).rejects.toThrow("it is there to repair from");
  });
});

test("an image that is no system of Kairos is refused, and all stays as it was", async () => {
  await using machine = await box();
  const first = await machine.boot();
  await writeImage(LAYOUT, {
    layers: [{ tar: [{ path: "etc/os-release", data: "" }] }],
    tag: "no",
  });
  await expect(upgradeTo(first, "no")).rejects.toThrow("it has no /boot/vmlinuz");
  expect(readdirSync(`${first.mount}/cOS`).toSorted()).toEqual(["active.img", "passive.img"]);
  expect(await machine.boot()).toMatchObject({ entry: "cos", findsRoot: true });
});

test("with the hook, a new system that hangs after the stage of Kairos leads back", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot({ hasHook: true }), "0.2.0");
  const trial = await machine.boot({ hasHook: true });
  await machine.confirm(trial);
  // tandem repair, from the stage behind it.
  expect(
    await withMachine(workIn(trial), { lock: true }, ({ cmdline }) => cmdline.counted),
  ).toBeTrue();
  const back = await machine.boot({ hasHook: true });
  expect(back).toMatchObject({ entry: "fallback" });
  expect(await checked(back)).toMatchObject({ slot: "passive", fell: "active" });
});

test("without a hook the stage of Kairos confirms a boot", async () => {
  await using machine = await box();
  await upgradeTo(await machine.boot(), "0.2.0");
  const trial = await machine.boot();
  await machine.confirm(trial);
  await withMachine(workIn(trial), { lock: true }, () => {});
  expect(await machine.boot()).toMatchObject({ entry: "cos" });
});
