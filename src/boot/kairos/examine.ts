/** Doctor's findings about the files that GRUB reads on a Kairos machine. */
import { reasonOf, TandemError } from "../../lib/error.ts";
import { about, type Finding } from "../../lib/finding.ts";
import { remakeEnvFile } from "../grub/env-file.ts";
import { repair, unfinished } from "./commit.ts";
import { readGrubenv } from "./grub-files.ts";
import { hasOrigins, isMadeNow } from "./origin.ts";
import { exists, grubenvFiles, type KairosPlaces, nextEntryFile } from "./places.ts";
import { savedEntryProblem } from "./saved-entry.ts";
import { isStillAhead } from "./this-boot.ts";
import { missingScripts, readsCustom, writeScripts } from "./scripts.ts";

const FIX = "Run tandem doctor --fix.";

/** Whether GRUB's files say what the boot record says. */
export function examineRecord(places: KairosPlaces): Finding[] {
  const { ok, bad } = about("environment files of GRUB", "boot");
  return reported(bad, () => {
    if (!hasOrigins(places)) return [ok("tandem has committed no boot record here")];
    const difference = unfinished(places);
    if (difference === undefined)
      return [ok(`they say what boot record ${places.loaderData.record?.gen ?? "none"} says`)];
    return [
      bad(difference, {
        advice: `${FIX} Any other verb that writes to the disk repairs them, too.`,
        repair: { what: "make them say what the boot record says", run: () => repair(places) },
      }),
    ];
  });
}

export function examineFiles(places: KairosPlaces): Finding[] {
  const { bad } = about("files of GRUB", "boot");
  return reported(bad, () => [
    checkScripts(places),
    ...checkGrubenv(places),
    ...checkOtherDisks(places),
    ...checkSavedEntry(places),
  ]);
}

function checkScripts(places: KairosPlaces): Finding {
  const { ok, warn, bad } = about("boot assessment of GRUB", "boot");
  if (!readsCustom(places))
    return warn("the menu on COS_STATE reads no grubcustom: GRUB does not fall back by itself", {
      advice: "Install the menu of a newer Kairos: /etc/cos/grub.cfg of an image.",
    });
  const needs = { assessment: true, count: false };
  const missing = missingScripts(places, needs);
  if (missing.length === 0) return ok("its scripts are on COS_STATE");
  return bad(
    `GRUB needs other lines in ${missing.join(" and ")}: it does not fall back by itself`,
    {
      advice: FIX,
      repair: {
        what: `write ${missing.join(" and ")}`,
        run: () => Promise.try(writeScripts, places, needs),
      },
    },
  );
}

function checkGrubenv(places: KairosPlaces): Finding[] {
  const { ok, warn, bad } = about("grubenv", "boot");
  const file = nextEntryFile(places);
  const found = grubenvFiles(places).filter((one) => exists(one));
  const several = found.map(({ path }) => path).join(" and ");
  if (found.length > 1)
    return [
      warn(`there is more than one: ${several}. GRUB reads the first one that it finds`, {
        advice: "Remove the one with nothing of use in it: see grub-editenv FILE list.",
      }),
    ];
  if (readGrubenv(places) === "damaged")
    return [
      bad(`${file.path} is no GRUB environment file: no trial can begin`, {
        advice: `Look at it with grub-editenv ${file.path} list, and remove it when nothing in it is needed.`,
      }),
    ];
  if (found.length === 1 && file.files.stat(file.path)?.sizeBytes === 0)
    return [
      bad(`${file.path} is empty: GRUB cannot write to it`, {
        advice: FIX,
        repair: {
          what: `make ${file.path} an empty environment file`,
          run: () => Promise.try(remakeEnvFile, file, {}),
        },
      }),
    ];
  return [ok(found.length === 1 ? `${file.path} can be used` : "there is none, which is allowed")];
}

/** GRUB searches all disks, and tandem sees only this one. */
function checkOtherDisks(places: KairosPlaces): Finding[] {
  const { record } = places.loaderData;
  const isIgnored =
    record !== undefined && isMadeNow(places, record) === false && isStillAhead(places, record);
  if (!isIgnored) return [];
  const text = `GRUB has not taken next_entry from ${nextEntryFile(places).path}: it reads a grubenv on another disk, or it was passed over at the last start`;
  const advice = "Look for a file /grubenv on other disks, and restart the machine with GRUB.";
  return [about("grubenv", "boot").warn(text, { advice })];
}

function checkSavedEntry(places: KairosPlaces): Finding[] {
  const problem = savedEntryProblem(places);
  if (problem === undefined) return [];
  const { path } = nextEntryFile(places);
  const advice = `If that is not wanted, run grub-editenv ${path} unset saved_entry.`;
  return [about("saved entry of GRUB", "boot").warn(problem, { advice })];
}

function reported(bad: (text: string) => Finding, examine: () => Finding[]): Finding[] {
  try {
    return examine();
  } catch (error) {
    if (error instanceof TandemError) return [bad(reasonOf(error))];
    throw error;
  }
}
