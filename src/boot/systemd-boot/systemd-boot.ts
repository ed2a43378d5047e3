import { TandemError } from "../../lib/error.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { Bootloader } from "../bootloader.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, isFile } from "../esp/esp.ts";
import type { Evidence, Loader } from "../loader.ts";
import { bootSummaryOf } from "./boot-summary.ts";
import { ENTRIES, readEntries, removeEntries } from "./entry-folder.ts";
import { commit, MACHINE_OPTIONS, type Places, repair, startOf, unfinished } from "./entry-set.ts";
import { examineEntries, examineSystemdBoot, PROGRAMS } from "./examine.ts";
import { LOADER_CONF, tandemLine } from "./loader-conf.ts";
import { copySlotFiles, removeSlotFiles, slotPaths, spoiltCopy } from "./slot-files.ts";

/** The opened ESP, and how it is opened again for a repair. */
interface Opened extends Places {
  readonly place: TandemEsp;
}

const NAME = "systemd-boot";

export const systemdBoot = {
  name: NAME,
  title: "systemd-boot",
  lookedFor: `${LOADER_CONF} with ${PROGRAMS.join(" or ")}`,
  detect: (esp) => esp && detect(esp),
  ownMarks(esp) {
    const line = tandemLine(esp);
    return [...entryPaths(esp), ...(line === undefined ? [] : [`"${line}" in ${LOADER_CONF}`])];
  },
  files: (esp) => [
    ...[LOADER_CONF, MACHINE_OPTIONS].filter((path) => isFile(esp, path)),
    ...(esp.list(ENTRIES) ?? [])
      .filter(({ isFolder }) => !isFolder)
      .map(({ name }) => `${ENTRIES}/${name}`),
  ],
  open({ loaderData, esp: place }, access) {
    const esp = place.open(access);
    if (esp !== undefined) return systemdBootOn({ loaderData, esp, place });
    throw new TandemError("boot", "Cannot use systemd-boot: the disk has no EFI system partition", {
      hint: "Correct the configuration: bootloader.",
    });
  },
} as const satisfies Loader;

/** systemd-boot works without loader.conf. Then its own program or tandem's entries speak for it, but less than another loader's files. */
function detect(esp: Esp): Evidence | undefined {
  const programs = PROGRAMS.filter((path) => isFile(esp, path));
  if (isFile(esp, LOADER_CONF))
    return programs.length === 0 ? undefined : { seen: [LOADER_CONF, ...programs], isSure: true };
  const entries = entryPaths(esp);
  return entries.length > 0 || programs[0] === PROGRAMS[0]
    ? { seen: [...entries, ...programs], isSure: false }
    : undefined;
}

/** The entries that tandem made. */
function entryPaths(esp: Esp): string[] {
  return readEntries(esp).names.map((name) => `${ENTRIES}/${name}`);
}

/**
 * systemd-boot goes by the names of the files in /loader/entries and counts boots by renaming them. It neither reads the control
 * partition nor ext4, so each slot has its kernel and initrd on the ESP, and each record its own set of entries there.
 */
export function systemdBootOn({ place, ...places }: Opened): Bootloader {
  const { loaderData, esp } = places;
  const decision = { unfinished: () => unfinished(places), repair: () => repair(places) };
  return {
    name: NAME,
    ...decision,
    async prepare(slot, spec, files) {
      const paths = slotPaths(slot, spec);
      await copySlotFiles(esp, paths, files);
      await loaderData.writeSpec(slot, spec);
      await removeSlotFiles(esp, slot, paths);
    },
    forget: (slot) => forget(places, slot),
    startProblem(slot) {
      const start = startOf(places, slot);
      return "invalid" in start ? start.invalid : undefined;
    },
    hasCopies: true,
    mismatch(slot, { files }) {
      if (files === undefined) return undefined;
      const start = startOf(places, slot);
      return "invalid" in start ? start.invalid : spoiltCopy(esp, start, files);
    },
    commit: (next) => commit(places, next),
    summarize: (boot) => bootSummaryOf(esp, boot),
    refuseReadOnly: () => esp.refuseReadOnly(),
    fallback: () => undefined,
    ending: {
      withoutRecord: "as the entries on the EFI system partition tell",
      // It has no menu to end at: it starts the first entry again.
      usedUp: (good) => `slot ${good} all the same`,
    },
    examineRecord: () => examineEntries(decision, loaderData.record),
    examineFiles: (opened, disk) => examineSystemdBoot(place, opened, disk),
    close: () => esp.close(),
  };
}

async function forget({ loaderData, esp }: Places, slot: SlotName): Promise<void> {
  const { entries } = readEntries(esp);
  // First nothing leads there, then nothing says how to, and only then the files go.
  await removeEntries(
    esp,
    entries.filter((entry) => entry.slot === slot).map(({ name }) => name),
  );
  await loaderData.eraseSpec(slot);
  await removeSlotFiles(esp, slot);
}
