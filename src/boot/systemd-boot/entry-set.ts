/** The set of entries that stands for a boot record: it is written, compared with the record, and repaired after a power cut. */
import type { LoaderData } from "../../control/loader-data.ts";
import type { BootRecord, NextRecord } from "../../control/record.ts";
import type { SlotSpec } from "../../control/spec.ts";
import { TandemError } from "../../lib/error.ts";
import { PARTITION_SLOTS, type SlotName } from "../../slot/slot.ts";
import { type Esp, readEspText } from "../esp/esp.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import type { LoaderEntry, NewLoaderEntry, Start } from "./entry.ts";
import { addEntry, ENTRIES, readEntries, removeEntries } from "./entry-folder.ts";
import { missingFile, slotPaths } from "./slot-files.ts";

export interface Places {
  readonly loaderData: LoaderData;
  readonly esp: Esp;
}

/** Kernel options of this machine, for every slot: a file of one line, made when the disk is installed. */
export const MACHINE_OPTIONS = "/tandem/options";
const MACHINE_OPTIONS_BYTES_MAX = 1024;
const FOLDERS = ["/loader", ENTRIES] as const;

/**
 * The commit point is the write of one sector: the directory gets the first entry of the new record. Its generation makes the entry sort
 * before all others, and it holds the whole record, so that repair() can finish after a power cut:
 *
 * - Cut before the commit point: the old entries choose the slot, and the control partition holds the old record.
 * - Cut after it: the new entry chooses the slot, and the control partition still holds the old record. repair() copies the new record
 *   from the entry, and then writes the missing entries and removes the old ones. Until then the loader falls back from the new entry to
 *   the old ones. Their slots are whole: a slot is overwritten only after its entries are removed.
 *
 * The record in the control partition is written after the first entry. It is never ahead of the entries.
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
  await removeStale(esp, kept);
  return committed;
}

/** Writes the missing entries of a record, in their order. Returns the names of all its entries. */
async function writeEntries(places: Places, record: BootRecord): Promise<string[]> {
  const { esp } = places;
  const names: string[] = [];
  for (const path of FOLDERS) await esp.makeFolder(path);
  for (const wanted of wantedEntries(places, record))
    names.push(typeof wanted === "string" ? wanted : await addEntry(esp, wanted));
  return names;
}

/** The entries that a record must have, in their order: the name of an existing one, or the content of a new one. */
function wantedEntries(places: Places, record: BootRecord): (string | NewLoaderEntry)[] {
  const { entries, inForce } = readEntries(places.esp);
  const current = inForce.filter((entry) => entry.record.gen === record.gen);
  const starts = new Map<SlotName, Start>();
  for (const slot of PARTITION_SLOTS) {
    const start = startOf(places, slot, entries);
    if (!("invalid" in start)) starts.set(slot, start);
  }
  const hasEntryOrStart = (slot: SlotName): boolean =>
    starts.has(slot) || current.some((entry) => entry.slot === slot);
  return candidatesOf(record, hasEntryOrStart).flatMap(
    (candidate, index): (string | NewLoaderEntry)[] => {
      const existing = current.find((entry) => isFor(entry, candidate));
      const start = starts.get(candidate.slot);
      if (existing !== undefined && (start === undefined || haveSameFiles(existing, start)))
        return [existing.name];
      if (start === undefined) return [];
      // An entry that replaces another one gets only the boots that the other had left.
      const tries = existing?.counter?.left ?? candidate.tries;
      return [{ slot: candidate.slot, ...start, tries, record, rank: RANK_MAX - index }];
    },
  );
}

function isFor({ slot, counter }: LoaderEntry, candidate: Candidate): boolean {
  return slot === candidate.slot && (counter === undefined) === (candidate.tries === undefined);
}

function haveSameFiles(one: Start, other: Start): boolean {
  return one.linux === other.linux && one.initrd === other.initrd;
}

/** One digit, and more than there are slots. */
const RANK_MAX = 9;

async function removeStale(esp: Esp, kept: readonly string[]): Promise<void> {
  await removeEntries(esp, staleEntries(esp, kept));
}

function staleEntries(esp: Esp, kept: readonly string[]): string[] {
  // When the record has no entry that can be started, the old entries are better than none.
  return kept.length === 0 ? [] : readEntries(esp).names.filter((name) => !kept.includes(name));
}

/** How the entries and the record in the control partition differ, for people; undefined: they agree. */
export function unfinished(places: Places): string | undefined {
  const { loaderData, esp } = places;
  const newer = newerRecord(loaderData.record, esp);
  if (newer !== undefined)
    return `boot record ${newer.gen} is on ${esp.name} and not yet in the control partition`;
  const { record } = loaderData;
  return record === undefined ? undefined : disorderOf(places, record);
}

/** What repair() would change in the entries, for people. */
function disorderOf(places: Places, record: BootRecord): string | undefined {
  const { esp } = places;
  const wanted = wantedEntries(places, record);
  const missing = wanted.flatMap((entry) => (typeof entry === "string" ? [] : [entry.slot]));
  if (missing.length > 0)
    return `slot ${missing.join(" and ")} has no entry for boot record ${record.gen} on ${esp.name}`;
  const others = staleEntries(
    esp,
    wanted.filter((entry) => typeof entry === "string"),
  );
  return others.length === 0
    ? undefined
    : `entries on ${esp.name} belong to no boot record: ${others.join(", ")}`;
}

function newerRecord(record: BootRecord | undefined, esp: Esp): BootRecord | undefined {
  const [first] = readEntries(esp).inForce;
  return first !== undefined && first.record.gen > (record?.gen ?? 0) ? first.record : undefined;
}

/** After a power cut: copies a newer record from the entries, writes missing entries, and removes those of no record. */
export async function repair({ loaderData, esp }: Places): Promise<void> {
  const newer = newerRecord(loaderData.record, esp);
  if (newer !== undefined) await loaderData.commitRecord(newer, newer.gen);
  const { record } = loaderData;
  if (record === undefined) return;
  const kept = await writeEntries({ loaderData, esp }, record);
  await removeStale(esp, kept);
}

/** How a slot is started: by its spec, or if that is lost, by one of its entries. */
export function startOf(
  { loaderData, esp }: Places,
  slot: SlotName,
  entries: readonly LoaderEntry[] = readEntries(esp).entries,
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
  const machine = readEspText(esp, MACHINE_OPTIONS, MACHINE_OPTIONS_BYTES_MAX)?.trim() ?? "";
  const root = `${loaderData.addressForm.rootOption(spec.address)} ro rootfstype=ext4 panic=10`;
  const options = [root, machine, spec.options].filter((text) => text !== "").join(" ");
  return { ...slotPaths(slot, spec), options };
}
