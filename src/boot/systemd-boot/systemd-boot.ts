import { TRIES_MAX } from "../../control/record.ts";
import { TandemError } from "../../lib/error.ts";
import type { SlotName } from "../../slot/slot.ts";
import type { Bootloader } from "../bootloader.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, isFile } from "../esp/esp.ts";
import { plainImages } from "../image/image-rules.ts";
import type { Evidence, Loader } from "../loader.ts";
import { bootSummaryOf } from "./boot-summary.ts";
import { ENTRIES, readEntries, removeEntries } from "./entry-folder.ts";
import { commit, MACHINE_OPTIONS, type Places, repair, startOf, unfinished } from "./entry-set.ts";
import { examineEntries, examineSystemdBoot, PROGRAMS } from "./examine.ts";
import { LOADER_CONF, tandemLine } from "./loader-conf.ts";
import { copySlotFiles, removeSlotFiles, slotPaths, damagedCopy } from "./slot-files.ts";

/** `place` opens the ESP again, for the repairs of doctor. */
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

/** systemd-boot also works without loader.conf. Then its program or tandem's entries are evidence, but not sure evidence. */
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
 * systemd-boot chooses by the names of the files in /loader/entries, and counts boots by renaming them. It reads neither the control
 * partition nor ext4. So the ESP holds a copy of each slot's kernel and initrd, and a set of entries for the boot record.
 */
export function systemdBootOn({ place, ...places }: Opened): Bootloader {
  const { loaderData, esp } = places;
  const decision = { unfinished: () => unfinished(places), repair: () => repair(places) };
  return {
    name: NAME,
    images: plainImages,
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
    triesMax: TRIES_MAX,
    triesUnasked: TRIES_MAX,
    hasCopies: true,
    mismatch(slot, { files }) {
      if (files === undefined) return undefined;
      const start = startOf(places, slot);
      return "invalid" in start ? start.invalid : damagedCopy(esp, start, files);
    },
    commit: (next) => commit(places, next),
    summarize: (boot) => bootSummaryOf(esp, boot),
    refuseReadOnly: () => esp.refuseReadOnly(),
    fallback: () => undefined,
    ending: {
      withoutRecord: "as the entries on the EFI system partition tell",
      // systemd-boot does not stop at its menu: it starts the first entry again.
      usedUp: (good) => `slot ${good} all the same`,
    },
    examineRecord: () => examineEntries(decision, loaderData.record),
    examineFiles: (opened, disk) => examineSystemdBoot(place, opened, disk),
    close: () => esp.close(),
  };
}

async function forget({ loaderData, esp }: Places, slot: SlotName): Promise<void> {
  const { entries } = readEntries(esp);
  // In this order: an entry or a spec never names a file that is gone.
  await removeEntries(
    esp,
    entries.filter((entry) => entry.slot === slot).map(({ name }) => name),
  );
  await loaderData.eraseSpec(slot);
  await removeSlotFiles(esp, slot);
}
