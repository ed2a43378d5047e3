/** The stories: all operations that change what boots, each with its initial disk and the boot before it. */
import type { LoaderName } from "../../src/boot/loaders.ts";
import { recordFall, markBad, markGood } from "../../src/verdict/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import type { Machine } from "../../src/machine/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { machineWith, wholeDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";
import { boot } from "./loader.ts";

export interface Story {
  readonly name: string;
  readonly start: Make;
  /** The kernel options of the boot in which the story happens. */
  readonly cmdline: string;
  readonly act: (machine: Machine) => Promise<unknown>;
  /** Whether the loader gives up a slot because of earlier events, and may report that after a cut. */
  readonly fell?: true;
}

const FIRST_BOOT = "tandem.slot=a tandem.gen=1";
const TRIAL_BOOT = "tandem.slot=b tandem.gen=2 tandem.left=2";

type Make = (loader: LoaderName) => Promise<PagedImage>;

/** Each disk is made once. A story changes its own copy. */
function once(make: Make): Make {
  const made = new Map<LoaderName, Promise<PagedImage>>();
  return async (loader) => {
    const image = made.get(loader) ?? make(loader);
    made.set(loader, image);
    return (await image).fork();
  };
}

/** v1 is good in slot a. */
export const installed: Make = once((loader) => wholeDisk("v1", { loader }));

/** v1 is good in slot a, and v2 is on trial in slot b. */
export const armed: Make = once(async (loader) => {
  const image = await installed(loader);
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  return image;
});

/** v2 is good in slot b, and v1 is still in slot a. */
export const upgraded: Make = once(async (loader) => {
  const image = await armed(loader);
  await boot(loader, image.file());
  await markGood(machineWith(image.file(), TRIAL_BOOT), undefined, "test");
  return image;
});

/** The trial has used up its only boot. */
const usedUp = once(async (loader) => {
  const image = await installed(loader);
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT), { tries: 1 });
  await boot(loader, image.file());
  return image;
});

/** The trial of v2 was cancelled, and v2 is still in slot b. */
const withdrawn = once(async (loader) => {
  const image = await armed(loader);
  await rollback(machineWith(image.file(), FIRST_BOOT), 3);
  return image;
});

export const STORIES: readonly Story[] = [
  {
    name: "upgrade",
    start: installed,
    cmdline: FIRST_BOOT,
    act: (machine) => upgradeTo("v2", machine),
  },
  {
    name: "upgrade over the old system",
    start: upgraded,
    cmdline: "tandem.slot=b tandem.gen=3",
    act: (machine) => upgradeTo("v3", machine),
  },
  {
    name: "upgrade to what the slot holds already",
    start: withdrawn,
    cmdline: "tandem.slot=a tandem.gen=3",
    act: (machine) => upgradeTo("v2", machine),
  },
  {
    name: "upgrade over a pending trial",
    start: armed,
    cmdline: FIRST_BOOT,
    act: (machine) => upgradeTo("v3", machine),
  },
  {
    name: "mark good in the trial",
    start: armed,
    cmdline: TRIAL_BOOT,
    act: (machine) => markGood(machine, undefined, "test"),
  },
  {
    name: "mark bad in the trial",
    start: armed,
    cmdline: TRIAL_BOOT,
    act: (machine) => markBad(machine, undefined, "test"),
  },
  {
    name: "mark bad the good slot",
    start: upgraded,
    cmdline: "tandem.slot=b tandem.gen=3",
    act: (machine) => markBad(machine, undefined, "test"),
  },
  {
    name: "health settles a fall",
    start: usedUp,
    cmdline: "tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=tries",
    async act(machine) {
      await recordFall(machine);
      await markGood(machine, undefined, "test");
    },
    fell: true,
  },
  {
    name: "withdraw the trial",
    start: armed,
    cmdline: FIRST_BOOT,
    act: (machine) => rollback(machine, 3),
  },
  {
    name: "roll back to the old system",
    start: upgraded,
    cmdline: "tandem.slot=b tandem.gen=3",
    act: (machine) => rollback(machine, 3),
  },
];
