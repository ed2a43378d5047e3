import { expect, test } from "bun:test";
import { checkHooks } from "../../src/doctor/surroundings.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memoryMachine, memorySystem } from "../fakes/machine.ts";
import { installed } from "../upgrade/disk.ts";

const disk = (await installed()).file();

function machineWith(files: readonly string[], confirmedBy?: string): Machine {
  const machine = memoryMachine(disk, "tandem.slot=a tandem.gen=1");
  const system = {
    ...memorySystem(),
    files: memoryFiles(Object.fromEntries(files.map((path) => [path, ""]))),
  };
  return { ...machine, system, loader: { ...machine.loader, confirmedBy } };
}

test.each<[string, Machine, string]>([
  [
    "a hook",
    machineWith(["/etc/init.d/tandem-health"]),
    "ok: /etc/init.d/tandem-health gives the verdict at boot",
  ],
  ["no hook", machineWith([]), "warn: nothing is installed that gives the verdict at boot"],
  [
    "a boot stage alone",
    machineWith([], "the stage x"),
    "warn: the stage x alone confirms a boot, before anything is checked",
  ],
  [
    "another disk",
    { ...machineWith([]), booted: undefined },
    "ok: this machine does not run from the disk",
  ],
])("checkHooks() with %s", (_, machine, expected) => {
  const { verdict, text } = checkHooks(machine);
  expect(`${verdict}: ${text}`).toBe(expected);
});
