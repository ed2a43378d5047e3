/** A control partition in memory, as the first system of a disk leaves it. */
import { type Control, formatControl } from "../../src/control/control.ts";
import { settled } from "../../src/control/decide.ts";
import type { NextRecord } from "../../src/control/record.ts";
import { emptyState, type State } from "../../src/control/state.ts";
import { MiB } from "../../src/lib/units.ts";
import { controlIn } from "../fakes/control.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";

export const FIRST: NextRecord = settled("a", { limit: 0, bootable: [] });
export const ARMED: NextRecord = { ...FIRST, trial: "b", tries: 3 };

export async function formatted(state: State = emptyState()): Promise<PagedImage> {
  const disk = new RecordedDisk(MiB);
  await formatControl(controlIn(disk.file), { record: FIRST, state });
  return disk.image();
}

export function reopened(image: PagedImage): Control {
  return controlIn(image.file("control"));
}
