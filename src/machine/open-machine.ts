import type { Bootloader, BootSummary } from "../boot/bootloader.ts";
import type { Cmdline } from "../slot/cmdline.ts";
import { type Detected, detectLoader } from "../boot/detect.ts";
import { openKairosLoader } from "../boot/kairos/kairos.ts";
import { type TandemEsp, tandemEsp } from "../boot/esp/choose-esp.ts";
import type { Esp } from "../boot/esp/esp.ts";
import type { Loader } from "../boot/loader.ts";
import { type LoaderChoice, LOADERS } from "../boot/loaders.ts";
import { followFiles } from "../control/follow-files.ts";
import { openControl } from "../control/control.ts";
import { installedHook } from "../hooks/installed.ts";
import type { LoaderData } from "../control/loader-data.ts";
import type { BootFolders, ControlPlaces, Layout } from "../slot/layout.ts";
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
  const { diskPath, slots, booted, bootedBy, cmdline, staging } = layout;
  const control = openControl(places, {
    addressForm: layout.addressForm,
    files: durable,
    follow: staging && ((state) => followFiles(state, staging.uuids())),
  });
  const ownMarks = (esp: Esp): string[] => loaders.flatMap((one) => one.ownMarks(esp));
  const esp = tandemEsp({ files, durable, ownMarks }, layout);
  const { loaderData } = control;
  const { loader, seen } =
    places.folders === undefined
      ? openDetected(detectLoader(loaders, bootloader, esp.open), {
          loaderData,
          esp,
          layout,
          write,
        })
      : {
          loader: kairosLoader(system, { layout, loaderData, folders: places.folders }),
          seen: "the layout brings it",
        };
  const adopted = loaderData.record === undefined ? loader.adopted?.() : undefined;
  if (adopted !== undefined)
    loaderData.assume({ ...adopted, last: slots.recovery === undefined ? undefined : "recovery" });
  return {
    system,
    diskPath,
    slots,
    booted,
    bootedBy,
    cmdline: withSummary(cmdline, loader.summarize({ slot: booted, cmdline })),
    ...control,
    loader,
    loaderSeen: seen,
    esp,
    staging,
    limit: options.limit,
    openSlot: (slot, access) => layout.openSlot(slot, access),
    close() {
      loader.close();
      places.close();
    },
  };
}

interface Detecting {
  readonly loaderData: LoaderData;
  readonly esp: TandemEsp;
  readonly layout: Layout;
  readonly write: boolean;
}

function openDetected(
  { loader, seen }: Detected,
  { loaderData, esp, layout: { loaderDataAddress }, write }: Detecting,
): OpenedLoader {
  return { loader: loader.open({ loaderData, loaderDataAddress, esp }, { write }), seen };
}

interface OpenedLoader {
  readonly loader: Bootloader;
  /** How it was recognised, for people. */
  readonly seen: string;
}

interface KairosParts {
  readonly layout: Layout;
  readonly loaderData: LoaderData;
  readonly folders: BootFolders;
}

function kairosLoader(
  system: System,
  { layout: { booted }, loaderData, folders }: KairosParts,
): Bootloader {
  const { files, mounted } = system;
  return openKairosLoader({
    ...folders,
    loaderData,
    files: mounted,
    bootId: files.readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "",
    cmdline: files.readText("/proc/cmdline") ?? "",
    booted,
    givesVerdicts: installedHook(system) !== undefined,
  });
}

/** A loader that says nothing on the command line may have counted all the same. */
function withSummary(cmdline: Cmdline, summary: BootSummary): Cmdline {
  const { left, uncounted } = summary;
  const counted = cmdline.counted || (left !== undefined && !uncounted);
  return { ...cmdline, ...summary, counted };
}
