/** Everything that changes what boots, from a disk that is in order, and how the machine had come up. */
import { settleFall, markBad, markGood } from "../../src/upgrade/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import type { Machine } from "../../src/upgrade/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { machineWith, wholeDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

export interface Story {
  readonly name: string;
  readonly start: () => Promise<PagedImage>;
  /** The loader's words of the boot that it happens in. */
  readonly cmdline: string;
  readonly act: (machine: Machine) => Promise<unknown>;
  /** The loader gives up on a slot because of what was before, so it may say so after a cut. */
  readonly fell?: true;
}

const FIRST_BOOT = "tandem.slot=a tandem.gen=1";
const TRIAL_BOOT = "tandem.slot=b tandem.gen=2 tandem.left=2";

/** Disks are made once: a story changes its own copy. */
const made = new Map<string, Promise<PagedImage>>();
function once(name: string, make: () => Promise<PagedImage>): () => Promise<PagedImage> {
  return async () => {
    const image = made.get(name) ?? make();
    made.set(name, image);
    return (await image).fork();
  };
}

/** v1 is in slot a, which is good. */
export const installed: Story["start"] = once("installed", () => wholeDisk());

/** The same with v2 on trial in slot b. */
export const armed: Story["start"] = once("armed", async () => {
  const image = await installed();
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT));
  return image;
});

/** v2 in slot b has proven itself, v1 is still in slot a. */
export const upgraded: Story["start"] = once("upgraded", async () => {
  const image = await armed();
  await markGood(machineWith(image.file(), TRIAL_BOOT), undefined, "test");
  return image;
});

/** The boots of the trial are used up. */
const usedUp = once("used up", async () => {
  const image = await installed();
  await upgradeTo("v2", machineWith(image.file(), FIRST_BOOT), { tries: 1 });
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
      await settleFall(machine);
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
