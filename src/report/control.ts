import { type Control, openControl } from "../control/control.ts";
import { type LayoutOptions, openLayout } from "../slot/layouts.ts";
import { SLOT_NAMES } from "../slot/slot.ts";
import type { System } from "../system/system.ts";
import type { Part } from "./bundle.ts";
import { single } from "./single.ts";

/** What the boot loader reads on the control partition, and what tandem remembers there. */
export function controlPart(system: System, options: LayoutOptions): Part {
  return single("control", "control.json", () => {
    const layout = openLayout(system, options);
    const places = layout.openControl({ write: false });
    try {
      return contentsOf(
        openControl(places, { addressForm: layout.addressForm, files: system.durable }),
      );
    } finally {
      places.close();
    }
  });
}

function contentsOf({ loaderData, memory }: Control): object {
  return {
    record: loaderData.record,
    recordProblems: loaderData.recordProblems,
    specs: Object.fromEntries(SLOT_NAMES.map((slot) => [slot, loaderData.spec(slot)])),
    stateProblems: memory.stateProblems,
    newerVersion: memory.newerVersion,
    state: memory.state,
  };
}
