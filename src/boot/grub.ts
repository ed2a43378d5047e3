import type { Control } from "../control/control.ts";
import type { Bootloader } from "./bootloader.ts";

/** GRUB reads record and specs from the control partition by itself (grub.cfg): writing them is all there is to do. */
export function grub(control: Control): Bootloader {
  return {
    name: "grub",
    prepare: (slot, spec) => control.writeSpec(slot, spec),
    forget: (slot) => control.eraseSpec(slot),
    whyNot(slot) {
      const spec = control.spec(slot);
      return "invalid" in spec ? `its boot spec cannot be used: ${spec.invalid}` : undefined;
    },
    spoilt: () => undefined,
    commit: (next) => control.commitRecord(next),
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
