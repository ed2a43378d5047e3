/** Runs scenarios, written as short sentences, on a machine in memory with any boot loader. */
import type { BootSummary } from "../../src/boot/bootloader.ts";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { parseCmdline } from "../../src/slot/cmdline.ts";
import type { CommandResult } from "../../src/system/system.ts";
import { health } from "../../src/verdict/health.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { markBad, markGood } from "../../src/verdict/mark.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { checkedSystem, FAILED, PASSED } from "../fakes/checks.ts";
import { LOADER_MODELS } from "../fakes/loader-models.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { machineWith, wholeDisk } from "../fakes/whole-disk.ts";
import { upgradeTo, workOn } from "../upgrade/disk.ts";

const CHECKS = {
  required: ["/r"],
  wanted: [],
  checkSeconds: 60,
  deadlineSeconds: 300,
  expect: { mounted: [], noFailedUnits: false, freeSpace: {}, urls: [], tcp: [], processes: [] },
};

function runHealth(machine: Machine, outcome: CommandResult): Promise<unknown> {
  const system = checkedSystem({ "/r/app": outcome });
  return health({ ...workOn(machine), system }, machine, CHECKS);
}

/** Boots once. Returns the kernel command line; undefined: the loader starts nothing. */
export async function bootOnce(loader: LoaderName, image: PagedImage): Promise<string | undefined> {
  const outcome = await LOADER_MODELS[loader](image.file());
  return "cmdline" in outcome ? outcome.cmdline : undefined;
}

/** The machine as a verb opens it: what a power cut left unfinished is repaired first. */
export async function cameUp(image: PagedImage, cmdline: string): Promise<Machine> {
  const machine = machineWith(image.file(), cmdline);
  await machine.loader.repair();
  return machineWith(image.file(), cmdline);
}

/** What can happen while a system runs. */
const ACTIONS: Readonly<Record<string, (machine: Machine, word: string) => Promise<unknown>>> = {
  "is well": (machine) => runHealth(machine, PASSED),
  fails: (machine) => runHealth(machine, FAILED),
  dies: () => Promise.resolve(),
  upgrade: (machine, version) => upgradeTo(version, machine, { tries: 2 }),
  "roll back": (machine) => rollback(machine, 2),
  "mark good": (machine) => markGood(machine, undefined, "by hand"),
  "mark bad": (machine) => markBad(machine, undefined, "by hand"),
};

/**
 * Runs a scenario and returns its sentences with the slots that were booted. "a: is well" boots once and runs health; "upgrade v2"
 * happens in the system that was booted last. The facts are what tandem knows about each boot.
 */
export async function runScenario(
  loader: LoaderName,
  { limit = 0, sentences }: { readonly limit?: number; readonly sentences: readonly string[] },
): Promise<{ readonly boots: string[]; readonly facts: BootSummary[] }> {
  const image = await wholeDisk("v1", { loader, limit });
  const boots: string[] = [];
  const facts: BootSummary[] = [];
  let cmdline = "";
  for (const sentence of sentences) {
    const [, slot, action = ""] = /^(a|b|menu): (.*)$/.exec(sentence) ?? [
      undefined,
      undefined,
      sentence,
    ];
    if (slot !== undefined) {
      const next = await bootOnce(loader, image);
      boots.push(`${next === undefined ? "menu" : nameOf(next)}: ${action}`);
      if (next === undefined) continue;
      cmdline = next;
    } else boots.push(sentence);
    const name = Object.keys(ACTIONS).find((one) => action.startsWith(one)) ?? "";
    const machine = await cameUp(image, cmdline);
    if (slot !== undefined) facts.push(factsOf(machine));
    await ACTIONS[name]?.(machine, action.slice(name.length).trim());
  }
  return { boots, facts };
}

function factsOf({ cmdline }: Machine): BootSummary {
  const { gen, left, fell, why, gaveUp, uncounted } = cmdline;
  return { gen, left, fell, why, gaveUp, uncounted };
}

function nameOf(cmdline: string): string {
  return parseCmdline(cmdline).slot ?? "?";
}
