import { linux } from "../../src/system/linux.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import { upgrade } from "../../src/upgrade/upgrade.ts";
import type { Disk } from "../disk.ts";

export interface FirstSystem {
  /** The value of `tandem upgrade --source`. */
  readonly source: string;
  readonly insecureRegistries?: readonly string[];
  /** How many boots of the good slot may end without a verdict. 0: no limit. */
  readonly limit?: number;
}

/** Writes slot a of a new disk and makes it the good slot, like `tandem upgrade --disk`. */
export async function installFirst(disk: Disk, first: FirstSystem): Promise<void> {
  const { source, insecureRegistries = [], limit } = first;
  const work = { system: linux, talk: SILENT, signal: new AbortController().signal };
  const request = {
    source,
    insecureRegistries,
    tries: 1,
    reboot: false,
    retryBad: false,
    dryRun: false,
    jobs: undefined,
  };
  const options = { disk: disk.path, lock: true, allowNew: true, limit };
  await withMachine(work, options, (machine) => upgrade(work, machine, request));
}
