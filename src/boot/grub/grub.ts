import type { Control } from "../../control/control.ts";
import { TandemError } from "../../lib/error.ts";
import type { Bootloader } from "../bootloader.ts";
import type { Esp } from "../esp/esp.ts";
import { countedGen } from "./count.ts";

/** Opens the EFI system partition for reading; undefined: the disk has none. The caller closes it. Throws `boot`. */
export type OpenEsp = () => Esp | undefined;

/** GRUB reads record and specs from the control partition by itself (grub.cfg): writing them is all there is to do. */
export function grub(control: Control, openEsp: OpenEsp): Bootloader {
  return {
    name: "grub",
    prepare: (slot, spec) => control.writeSpec(slot, spec),
    forget: (slot) => control.eraseSpec(slot),
    whyNot(slot) {
      const spec = control.spec(slot);
      return "invalid" in spec ? `its boot spec cannot be used: ${spec.invalid}` : undefined;
    },
    spoilt: () => undefined,
    commit: (next) => control.commitRecord(next, freshGen(control, openEsp)),
    // It tells all of it on the kernel command line.
    account: ({ cmdline: { gen, left, fell, why, gaveUp, uncounted } }) => ({
      gen,
      left,
      fell,
      why,
      gaveUp,
      uncounted,
    }),
    refuseReadOnly() {},
    unfinished: () => undefined,
    repair: () => Promise.resolve(),
  };
}

/**
 * The number of the next record. GRUB would go on with what it has counted for that number, so it must be one that GRUB has not
 * counted for, also when the newest record was lost and the control partition does not know its number any more.
 */
function freshGen(control: Control, openEsp: OpenEsp): number {
  try {
    return Math.max(control.nextGen, countedOn(openEsp) + 1);
  } catch (error) {
    // A record in force has a successor without the count. It is needed more than the count is, which doctor reports.
    if (control.record !== undefined && error instanceof TandemError) return control.nextGen;
    throw error;
  }
}

function countedOn(openEsp: OpenEsp): number {
  const esp = openEsp();
  if (esp === undefined) return 0;
  try {
    return countedGen(esp);
  } finally {
    esp.close();
  }
}
