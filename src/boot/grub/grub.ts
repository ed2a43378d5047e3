import type { LoaderData } from "../../control/loader-data.ts";
import { TRIES_MAX } from "../../control/record.ts";
import { TandemError } from "../../lib/error.ts";
import { isSameAddress } from "../../slot/address.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { Bootloader, ActualSlot } from "../bootloader.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { isFile } from "../esp/esp.ts";
import { plainImages } from "../image/image-rules.ts";
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

/** GRUB reads record and specs itself (grub.cfg). So tandem only writes those. */
function openGrub(places: LoaderPlaces): Bootloader {
  const { loaderData, esp } = places;
  return {
    name: NAME,
    images: plainImages,
    prepare: (slot, spec) => loaderData.writeSpec(slot, spec),
    forget: (slot) => loaderData.eraseSpec(slot),
    startProblem(slot) {
      const spec = loaderData.spec(slot);
      return "invalid" in spec ? `its boot spec cannot be used: ${spec.invalid}` : undefined;
    },
    triesMax: TRIES_MAX,
    triesUnasked: TRIES_MAX,
    hasCopies: false,
    mismatch: (slot, contents) => mismatch(loaderData, slot, contents),
    commit: (next) => loaderData.commitRecord(next, uncountedGen(loaderData, esp)),
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
    return `its boot spec names ${addressForm.text(spec.address)}, but the slot is ${addressForm.text(address)}`;
  if (files === undefined) return undefined;
  const [named, held] = [
    pathsOf(spec.kernel, spec.initrd),
    pathsOf(files.kernel.path, files.initrd?.path),
  ];
  return named === held ? undefined : `its boot spec names ${named}, but the slot has ${held}`;
}

function pathsOf(kernel: string, initrd: string | undefined): string {
  return initrd === undefined ? kernel : `${kernel} and ${initrd}`;
}

/**
 * The generation of the next record. GRUB keeps its count as long as the generation stays the same. So the next one must be a generation
 * for which GRUB has not counted, also when the newest record is lost and its generation is not known any more.
 */
function uncountedGen(loaderData: LoaderData, place: TandemEsp): number {
  try {
    return Math.max(loaderData.nextGen, countedGenOn(place) + 1);
  } catch (error) {
    // With a record in force the next generation is known without the count. The commit must not fail; doctor reports the count.
    if (loaderData.record !== undefined && error instanceof TandemError) return loaderData.nextGen;
    throw error;
  }
}

function countedGenOn(place: TandemEsp): number {
  const esp = place.open({ write: false });
  if (esp === undefined) return 0;
  try {
    return countedGen(esp);
  } finally {
    esp.close();
  }
}
