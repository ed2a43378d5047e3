import { detectLoader } from "../boot/detect.ts";
import { tandemEsp } from "../boot/esp/choose-esp.ts";
import type { Esp } from "../boot/esp/esp.ts";
import type { Loader } from "../boot/loader.ts";
import { type LoaderChoice, LOADERS } from "../boot/loaders.ts";
import { openControl } from "../control/control.ts";
import type { ControlPlaces, Layout } from "../slot/layout.ts";
import { type LayoutOptions, openLayout } from "../slot/layouts.ts";
import type { System } from "../system/system.ts";
import type { Machine } from "./machine.ts";

export interface MachineOptions extends LayoutOptions {
  /** Boots of the good slot without a verdict; 0 for no limit. Undefined for the number in the record. */
  readonly limit?: number | undefined;
  /** The default is "auto": the files on the EFI system partition tell the loaders apart. */
  readonly bootloader?: LoaderChoice;
  /** The loaders that are looked for: all of them, unless a test brings its own. */
  readonly loaders?: readonly Loader[];
}

/**
 * Opens a disk. The caller closes it. Throws "disk" when it is not laid out for tandem, "boot" without a boot loader.
 */
export function openMachine(
  system: System,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const layout = openLayout(system, options);
  const places = layout.openControl(options);
  try {
    return machineOf(system, { layout, places }, options);
  } catch (error) {
    places.close();
    throw error;
  }
}

interface Opened {
  readonly layout: Layout;
  readonly places: ControlPlaces;
}

function machineOf(
  system: System,
  { layout, places }: Opened,
  options: MachineOptions & { readonly write: boolean },
): Machine {
  const { loaders = LOADERS, bootloader = "auto", write } = options;
  const { files, durable } = system;
  const { diskPath, slots, booted, bootedBy, cmdline, addressForm, loaderDataAddress } = layout;
  const control = openControl(places, { addressForm, files: durable });
  const ownMarks = (esp: Esp): string[] => loaders.flatMap((one) => one.ownMarks(esp));
  const esp = tandemEsp({ files, durable, ownMarks }, layout);
  const detected = detectLoader(loaders, bootloader, esp.open);
  const { loaderData } = control;
  const loader = detected.loader.open({ loaderData, loaderDataAddress, esp }, { write });
  return {
    system,
    diskPath,
    slots,
    booted,
    bootedBy,
    cmdline: { ...cmdline, ...loader.summarize({ slot: booted, cmdline }) },
    ...control,
    loader,
    loaderSeen: detected.seen,
    esp,
    limit: options.limit,
    openSlot: (slot, access) => layout.openSlot(slot, access),
    close() {
      loader.close();
      places.close();
    },
  };
}
