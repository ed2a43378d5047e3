import { type Control, openControl } from "../control/control.ts";
import type { LoaderData } from "../control/loader-data.ts";
import { type LayoutOptions, openLayout } from "../slot/layouts.ts";
import { SLOT_NAMES, type SlotName } from "../slot/slot.ts";
import type { System } from "../system/system.ts";
import type { Part, PartFile } from "./bundle.ts";
import { shownBytes } from "./shown-bytes.ts";

/** What the boot loader reads and what tandem remembers: as tandem understands it, and the loader's data as they are. */
export function controlPart(system: System, options: LayoutOptions): Part {
  return { name: "control", files: () => controlFiles(system, options) };
}

function* controlFiles(system: System, options: LayoutOptions): Generator<PartFile> {
  const layout = openLayout(system, options);
  const places = layout.openControl({ write: false });
  try {
    const control = openControl(places, { addressForm: layout.addressForm, files: system.durable });
    const names = SLOT_NAMES.filter((name) => layout.slots[name] !== undefined);
    yield { path: "control.json", read: () => contentsOf(control, names) };
    yield { path: "loader-data.txt", read: () => textOf(control.loaderData) };
  } finally {
    places.close();
  }
}

function textOf({ blocks }: LoaderData): string {
  return blocks
    .map(
      ({ name, bytes }) => `### ${name}
${shownBytes(bytes)}`,
    )
    .join("");
}

function contentsOf({ loaderData, memory }: Control, names: readonly SlotName[]): object {
  return {
    record: loaderData.record,
    recordProblems: loaderData.recordProblems,
    specs: Object.fromEntries(names.map((slot) => [slot, loaderData.spec(slot)])),
    stateProblems: memory.stateProblems,
    newerVersion: memory.newerVersion,
    state: memory.state,
  };
}
