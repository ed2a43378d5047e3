/** The layouts that tandem knows: one line for each. */
import { defined } from "../lib/assert.ts";
import type { Devices } from "./block-device.ts";
import { kairos } from "./kairos/kairos.ts";
import type { DiskOptions, Layout, LayoutKind } from "./layout.ts";
import { partitions } from "./partitions.ts";

/** A disk without any layout is opened as the last one, whose messages say what is missing. */
export const LAYOUTS: readonly LayoutKind[] = [kairos, partitions];

/** Which disk to open, and the layouts that are looked for: all of them, unless a test brings its own. */
export interface LayoutOptions extends DiskOptions {
  readonly layouts?: readonly LayoutKind[];
}

/** How the disk is laid out. The last layout when no other one is on the disk. */
export function chooseLayout(devices: Devices, options: LayoutOptions): LayoutKind {
  const { layouts = LAYOUTS } = options;
  const others = layouts.slice(0, -1);
  return others.find((one) => one.isOn(devices, options)) ?? defined(layouts.at(-1), "a layout");
}

/** Opens the disk. Throws "disk" when the disk is not known, or not laid out for tandem. */
export function openLayout(devices: Devices, options: LayoutOptions = {}): Layout {
  return chooseLayout(devices, options).open(devices, options);
}
