import type { LoaderData } from "../../control/loader-data.ts";
import { TandemError } from "../../lib/error.ts";
import { isSameAddress } from "../../slot/address.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { Bootloader, ActualSlot } from "../bootloader.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { isFile } from "../esp/esp.ts";
import type { Loader, LoaderPlaces } from "../loader.ts";
import { CONFIG_PATH, fallbackOn } from "./config.ts";
import { COUNT_PATH, countedGen } from "./count.ts";
import { examineGrub, SCRIPT } from "./examine.ts";

const NAME = "grub";

export const grub = {
  name: NAME,
  title: "GRUB",
  lookedFor: SCRIPT,
  detect(esp) {
    // On a machine with a BIOS, GRUB's files may be anywhere.
    if (esp === undefined) return { seen: ["there is no EFI system partition"], isSure: false };
    return isFile(esp, SCRIPT) ? { seen: [SCRIPT], isSure: true } : undefined;
  },
  ownMarks: () => [],
  files: (esp) => [SCRIPT, CONFIG_PATH, COUNT_PATH].filter((path) => isFile(esp, path)),
  open: openGrub,
} as const satisfies Loader;

/** GRUB reads record and specs by itself (grub.cfg): writing them is all there is to do. */
function openGrub(places: LoaderPlaces): Bootloader {
  const { loaderData, esp } = places;
  return {
    name: NAME,
    prepare: (slot, spec) => loaderData.writeSpec(slot, spec),
    forget: (slot) => loaderData.eraseSpec(slot),
    startProblem(slot) {
      const spec = loaderData.spec(slot);
      return "invalid" in spec ? `its boot spec cannot be used: ${spec.invalid}` : undefined;
    },
    hasCopies: false,
    mismatch: (slot, contents) => mismatch(loaderData, slot, contents),
    commit: (next) => loaderData.commitRecord(next, freshGen(loaderData, esp)),
    // GRUB puts all of it on the kernel command line.
    summarize: ({ cmdline: { gen, left, fell, why, gaveUp, uncounted } }) => ({
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
    fallback: () => fallbackOn(esp),
    ending: {
      withoutRecord: "the slot named when the disk was made",
      usedUp: () => "the menu",
    },
    examineRecord: () => [],
    examineFiles: (opened, disk) => examineGrub(places, opened, disk),
    close() {},
  };
}

function mismatch(
  loaderData: LoaderData,
  slot: SlotName,
  { address, files }: ActualSlot,
): string | undefined {
  const spec = loaderData.spec(slot);
  if ("invalid" in spec) return undefined;
  const { addressForm } = loaderData;
  if (!isSameAddress(spec.address, address))
    return `its boot spec names ${addressForm.text(spec.address)}, it is ${addressForm.text(address)}`;
  if (files === undefined) return undefined;
  const [named, held] = [
    pathsOf(spec.kernel, spec.initrd),
    pathsOf(files.kernel.path, files.initrd?.path),
  ];
  return named === held ? undefined : `its boot spec names ${named}, it has ${held}`;
}

function pathsOf(kernel: string, initrd: string | undefined): string {
  return initrd === undefined ? kernel : `${kernel} and ${initrd}`;
}

/**
 * The number of the next record. GRUB would go on with what it has counted for that number, so it must be one that GRUB has not
 * counted for, also when the newest record was lost and the control partition does not know its number any more.
 */
function freshGen(loaderData: LoaderData, place: TandemEsp): number {
  try {
    return Math.max(loaderData.nextGen, countedOn(place) + 1);
  } catch (error) {
    // A record in force has a successor without the count. It is needed more than the count is, which doctor reports.
    if (loaderData.record !== undefined && error instanceof TandemError) return loaderData.nextGen;
    throw error;
  }
}

function countedOn(place: TandemEsp): number {
  const esp = place.open({ write: false });
  if (esp === undefined) return 0;
  try {
    return countedGen(esp);
  } finally {
    esp.close();
  }
}
