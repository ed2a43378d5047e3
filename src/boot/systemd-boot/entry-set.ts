/** What a boot record says, as systemd-boot's entries: written, read back and put in order. */
import type { LoaderData } from "../../control/loader-data.ts";
import type { BootRecord, NextRecord } from "../../control/record.ts";
import type { SlotSpec } from "../../control/spec.ts";
import { TandemError } from "../../lib/error.ts";
import { SLOT_NAMES, type SlotName } from "../../slot/slot.ts";
import { type Esp, readText } from "../esp/esp.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import type { Entry, NewEntry, Start } from "./entry.ts";
import { addEntry, ENTRIES, readEntries, removeEntries } from "./entry-folder.ts";
import { missingFile, slotPaths } from "./slot-files.ts";

export interface Places {
  readonly loaderData: LoaderData;
  readonly esp: Esp;
}

/** Kernel options of this machine, for every slot: a text file of one line, made at the installation. */
export const MACHINE_OPTIONS = "/tandem/options";
const MACHINE_OPTIONS_BYTES_MAX = 1024;
const FOLDERS = ["/loader", ENTRIES] as const;

/**
 * The commit point is the one sector in which the directory gets the first entry of the new record. Its number makes it sort before
 * all that is there, and it holds the whole record, so that repair() can finish what a cut leaves undone:
 *
 * - Cut before it: the old entries decide, and the record in the control partition is the old one.
 * - Cut after it: the new one decides what boots. The control partition still has the old record; repair() takes the new one over from
 *   the entry, and writes and removes what is missing, before anything else is decided. Until then the old entries are what the new
 *   first one would fall to, which are whole: a slot is only overwritten after its entries are gone.
 *
 * The record in the control partition follows; it is never ahead of the entries.
 */
export async function commit(places: Places, next: NextRecord): Promise<BootRecord> {
  const { loaderData, esp } = places;
  const gen = Math.max(loaderData.nextGen, readEntries(esp).gen + 1);
  const record = { ...next, gen };
  const wanted = record.trial ?? record.good;
  const start = startOf(places, wanted);
  if ("invalid" in start)
    throw new TandemError("boot", `Cannot let ${esp.name} start slot ${wanted}: ${start.invalid}`);
  const kept = await writeEntries(places, record);
  const committed = await loaderData.commitRecord(next, gen);
  await removeOthers(esp, kept);
  return committed;
}

/** Writes the entries of a record that are not there yet, the first one first. Returns the names of all. */
async function writeEntries(places: Places, record: BootRecord): Promise<string[]> {
  const { esp } = places;
  const names: string[] = [];
  for (const path of FOLDERS) await esp.makeFolder(path);
  for (const wanted of wantedEntries(places, record))
    names.push(typeof wanted === "string" ? wanted : await addEntry(esp, wanted));
  return names;
}

/** The entries that a record is to have, in their order: the name of one that is there, or what a new one says. */
function wantedEntries(places: Places, record: BootRecord): (string | NewEntry)[] {
  const { entries, inForce } = readEntries(places.esp);
  const current = inForce.filter((entry) => entry.record.gen === record.gen);
  const starts = new Map<SlotName, Start>();
  for (const slot of SLOT_NAMES) {
    const start = startOf(places, slot, entries);
    if (!("invalid" in start)) starts.set(slot, start);
  }
  const isThere = (slot: SlotName): boolean =>
    starts.has(slot) || current.some((entry) => entry.slot === slot);
  return candidatesOf(record, isThere).flatMap((candidate, index): (string | NewEntry)[] => {
    const there = current.find((entry) => isFor(entry, candidate));
    const start = starts.get(candidate.slot);
    if (there !== undefined && (start === undefined || haveSameFiles(there, start)))
      return [there.name];
    if (start === undefined) return [];
    // What takes the place of an entry has no more boots than that had left.
    const tries = there?.counter?.left ?? candidate.tries;
    return [{ slot: candidate.slot, ...start, tries, record, rank: RANK_MAX - index }];
  });
}

function isFor({ slot, counter }: Entry, candidate: Candidate): boolean {
  return slot === candidate.slot && (counter === undefined) === (candidate.tries === undefined);
}

function haveSameFiles(one: Start, other: Start): boolean {
  return one.linux === other.linux && one.initrd === other.initrd;
}

/** One digit, and more than there are slots. */
const RANK_MAX = 9;

async function removeOthers(esp: Esp, kept: readonly string[]): Promise<void> {
  await removeEntries(esp, othersThan(esp, kept));
}

function othersThan(esp: Esp, kept: readonly string[]): string[] {
  // Without anything that could be started, what there is is better than nothing.
  return kept.length === 0 ? [] : readEntries(esp).names.filter((name) => !kept.includes(name));
}

/** What the entries decide and the control partition does not know yet, or the other way round. */
export function unfinished(places: Places): string | undefined {
  const { loaderData, esp } = places;
  const newer = newerThan(loaderData.record, esp);
  if (newer !== undefined)
    return `boot record ${newer.gen} is on ${esp.name} and not yet in the control partition`;
  const { record } = loaderData;
  return record === undefined ? undefined : disorderOf(places, record);
}

/** What repair() would change, for people. */
function disorderOf(places: Places, record: BootRecord): string | undefined {
  const { esp } = places;
  const wanted = wantedEntries(places, record);
  const missing = wanted.flatMap((entry) => (typeof entry === "string" ? [] : [entry.slot]));
  if (missing.length > 0)
    return `slot ${missing.join(" and ")} has no entry for boot record ${record.gen} on ${esp.name}`;
  const others = othersThan(
    esp,
    wanted.filter((entry) => typeof entry === "string"),
  );
  return others.length === 0
    ? undefined
    : `entries on ${esp.name} belong to no boot record: ${others.join(", ")}`;
}

function newerThan(record: BootRecord | undefined, esp: Esp): BootRecord | undefined {
  const [first] = readEntries(esp).inForce;
  return first !== undefined && first.record.gen > (record?.gen ?? 0) ? first.record : undefined;
}

/** After a cut of tandem or of the firmware: the control partition follows the entries, and each slot has one of them at most. */
export async function repair({ loaderData, esp }: Places): Promise<void> {
  const newer = newerThan(loaderData.record, esp);
  if (newer !== undefined) await loaderData.commitRecord(newer, newer.gen);
  const { record } = loaderData;
  if (record === undefined) return;
  const kept = await writeEntries({ loaderData, esp }, record);
  await removeOthers(esp, kept);
}

/** How a slot is started: by its spec, or where that is lost, as an entry has it. */
export function startOf(
  { loaderData, esp }: Places,
  slot: SlotName,
  entries: readonly Entry[] = readEntries(esp).entries,
): Start | { readonly invalid: string } {
  const spec = loaderData.spec(slot);
  const start =
    "invalid" in spec
      ? entries.find((entry) => entry.slot === slot)
      : startBySpec({ loaderData, esp }, slot, spec);
  if (start === undefined)
    return { invalid: "invalid" in spec ? `its boot spec cannot be used: ${spec.invalid}` : "" };
  const missing = missingFile(esp, start);
  return missing === undefined ? start : { invalid: `${missing} is not on ${esp.name}` };
}

function startBySpec({ loaderData, esp }: Places, slot: SlotName, spec: SlotSpec): Start {
  const machine = readText(esp, MACHINE_OPTIONS, MACHINE_OPTIONS_BYTES_MAX)?.trim() ?? "";
  const root = `${loaderData.addressForm.rootOption(spec.address)} ro rootfstype=ext4 panic=10`;
  const options = [root, machine, spec.options].filter((text) => text !== "").join(" ");
  return { ...slotPaths(slot, spec), options };
}
