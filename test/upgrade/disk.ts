/** Disks in memory, in the states in which tests begin. */
import { SILENT } from "../../src/lib/talk.ts";
import type { Source } from "../../src/source/source.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markGood } from "../../src/verdict/mark.ts";
import type { Work } from "../../src/machine/open-source.ts";
import { upgradeFrom, type UpgradeReport, type UpgradeRequest } from "../../src/upgrade/upgrade.ts";
import { forked } from "../fakes/forked.ts";
import {
  DISK_BYTES,
  install,
  memoryMachine,
  memorySource,
  RECOVERY_DISK_BYTES,
} from "../fakes/machine.ts";
import { PagedImage } from "../fakes/paged-image.ts";

export const REQUEST: UpgradeRequest = {
  tries: 3,
  reboot: false,
  retryBad: false,
  dryRun: false,
  jobs: 1,
  insecureRegistries: [],
};

/** The kernel command line of the first boot of a disk. */
export const FIRST_BOOT = "tandem.slot=a tandem.gen=1";
/** The kernel command line of the first boot of the trial that armed() begins. */
export const TRIAL_BOOT = "tandem.slot=b tandem.gen=2 tandem.left=2";

export function workOn({ system }: Machine): Work {
  return { system, talk: SILENT, signal: new AbortController().signal };
}

export function upgradeTo(
  source: Source | string,
  machine: Machine,
  request: Partial<UpgradeRequest> = {},
): Promise<UpgradeReport> {
  return upgradeFrom(typeof source === "string" ? memorySource(source) : source, {
    work: workOn(machine),
    machine,
    request: { ...REQUEST, ...request },
  });
}

/** v1 is in slot a, which is good. */
export const installed = forked(async (limit: number = 0) => {
  const image = PagedImage.zeros(DISK_BYTES);
  await install(image.file(), "v1", limit);
  return image;
});

/** The same on a disk that has a recovery slot, with the system `rescue` in it. */
export const withRecovery = forked(async (limit: number = 0) => {
  const image = PagedImage.zeros(RECOVERY_DISK_BYTES);
  await install(image.file(), "v1", limit);
  await upgradeTo("rescue", memoryMachine(image.file(), FIRST_BOOT), { slot: "recovery" });
  return image;
});

/** The same with v2 on trial in slot b. */
export const armed = forked(async () => {
  const image = await installed();
  await upgradeTo("v2", memoryMachine(image.file(), FIRST_BOOT));
  return image;
});

/** v2 in slot b is good, v1 is still in slot a. */
export const upgraded = forked(async () => {
  const image = await armed();
  await markGood(memoryMachine(image.file(), TRIAL_BOOT), undefined, "test");
  return image;
});
