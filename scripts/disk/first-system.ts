import { Control } from "../../src/control/control.ts";
import { settled } from "../../src/control/decide.ts";
import { emptyState, withVerdict } from "../../src/control/state.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { part } from "../../src/system/block-file.ts";
import { linux } from "../../src/system/linux.ts";
import { openMachine } from "../../src/upgrade/open-machine.ts";
import { jobsFor, sourceOf } from "../../src/upgrade/open-source.ts";
import { runUpgrade } from "../../src/upgrade/run.ts";
import { type Disk, partOf } from "../disk.ts";

export interface FirstSystem {
  /** As for `tandem upgrade --source`. */
  readonly source: string;
  readonly insecureRegistries?: readonly string[];
  /** Boots of the good slot without a verdict; 0: no limit. */
  readonly limit?: number;
}

/** Fills slot a of a new disk and makes it the good one: what an installer leaves behind. */
export async function installFirst(disk: Disk, first: FirstSystem): Promise<void> {
  await formatControl(disk, first.limit ?? 0);
  const signal = new AbortController().signal;
  const source = await sourceOf(
    { system: linux, talk: SILENT, signal },
    first.source,
    first.insecureRegistries ?? [],
  );
  const machine = openMachine(linux, { disk: disk.path, write: true });
  try {
    const image = await source.image();
    const jobs = jobsFor(linux, image.layers.length, undefined);
    const steps = (["erase", "write", "read-back", "describe"] as const).map((kind) => ({
      kind,
      slot: "a" as const,
    }));
    await runUpgrade({ machine, source, image, slot: "a", jobs, talk: SILENT, signal }, steps);
    const { control } = machine;
    const at = linux.now().toISOString();
    const verdict = { result: "good", reason: "installed", at } as const;
    await control.writeState(withVerdict(control.state, "a", verdict));
    // A loader that does not read the boot record is told of it now that there is something to start.
    await machine.loader.repair();
  } finally {
    machine.close();
    source.close();
  }
}

/** A control partition that calls slot a good, though it is still empty. */
async function formatControl(disk: Disk, limit: number): Promise<void> {
  const { offsetBytes, sizeBytes } = partOf(disk, "control");
  const whole = linux.openBlock(disk.path, { write: true });
  try {
    const partition = part(whole, { name: `${disk.path} (control)`, offsetBytes, sizeBytes });
    await Control.format(partition, {
      record: settled("a", { limit, bootable: [] }),
      state: emptyState(),
    });
  } finally {
    whole.close();
  }
}
