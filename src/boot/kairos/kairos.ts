/**
 * The boot loader of a Kairos machine: its stock GRUB menu, which reads environment files and knows nothing of the boot
 * record. tandem translates the record into these files (docs/kairos-boot.md).
 */
import type { Bootloader } from "../bootloader.ts";
import { kairosImages } from "../image/image-rules.ts";
import { adoptedRecord } from "./adopted.ts";
import { bootSummaryOf } from "./boot-summary.ts";
import { commit, confirmation, repair, STOCK_STAGE, triesMaxOf, unfinished } from "./commit.ts";
import { examineFiles, examineRecord } from "./examine.ts";
import { setMenuTitle } from "./menu-title.ts";
import { refuseReadOnly } from "./read-only.ts";
import type { KairosPlaces } from "./places.ts";
import { savedEntryProblem } from "./saved-entry.ts";
import { startProblem } from "./start-problem.ts";

export const KAIROS_LOADER = "kairos";

export function openKairosLoader(places: KairosPlaces): Bootloader {
  return {
    name: KAIROS_LOADER,
    images: kairosImages,
    // GRUB reads kernel and initrd in the image, by names that are the same in each image.
    prepare: () => Promise.resolve(),
    // An image is replaced as a whole, under its name. Until then GRUB may start it.
    forget: () => Promise.resolve(),
    startProblem: (slot) => startProblem(places, slot),
    triesMax: triesMaxOf(places),
    // As with the stock assessment: one boot that fails is enough.
    triesUnasked: 1,
    hasCopies: false,
    mismatch: () => undefined,
    adopted: () => adoptedRecord(places),
    commit: (next) => commit(places, next),
    setMenuTitle: (title) => setMenuTitle(places, title),
    confirmation: () => confirmation(places),
    confirmedBy: places.givesVerdicts === true ? undefined : STOCK_STAGE,
    contradiction: () => savedEntryProblem(places),
    summarize: (boot) => bootSummaryOf(places, boot),
    refuseReadOnly: () => refuseReadOnly(places),
    unfinished: () => unfinished(places),
    repair: () => repair(places),
    fallback: () => undefined,
    ending: {
      withoutRecord: "as the environment files of GRUB tell",
      // The menu of Kairos starts the same entry again.
      usedUp: (good) => `slot ${good} all the same`,
    },
    examineRecord: () => examineRecord(places),
    examineFiles: () => [],
    examineOtherFiles: () => examineFiles(places),
    close() {},
  };
}
