import {
  type Entry,
  encodeEntry,
  entryName,
  type NewEntry,
  parseEntry,
  parseEntryName,
  parseEntryText,
} from "./entry.ts";
import { contentOf, type Esp, readText } from "../esp/esp.ts";

export const ENTRIES = "/loader/entries";
/** An entry has a command line of at most 2 KiB and little else. */
const ENTRY_BYTES_MAX = 16 * 1024;

/** What is in /loader/entries under our names. */
export interface EntryFolder {
  /** Those that are whole. */
  readonly entries: readonly Entry[];
  /** All the names, also of those that are damaged. */
  readonly names: readonly string[];
  /** The number of the newest record; 0 when there is none. */
  readonly gen: number;
  /** The entries of the newest record in the order of their ranks: for each slot one that is counted at most, and one that is not. */
  readonly inForce: readonly Entry[];
}

export function readEntries(esp: Esp): EntryFolder {
  const names = (esp.list(ENTRIES) ?? [])
    .filter((file) => !file.isFolder && isOurs(esp, file.name))
    .map(({ name }) => name);
  const entries = names.flatMap((name) => parseEntry(name, textAt(esp, name)) ?? []);
  const gen = Math.max(0, ...entries.map(({ record }) => record.gen));
  const newest = entries.filter(({ record }) => record.gen === gen);
  return { entries, names, gen, inForce: onePerSlot(newest) };
}

/** What is left of a name when a firmware is cut while it renames: a short one, or pieces of the old long name and the new one. */
const REMAINS = /^(?:tandem-|ta[^.]*~\d+\.con$)/i;

function isOurs(esp: Esp, name: string): boolean {
  if (parseEntryName(name) !== undefined) return true;
  return REMAINS.test(name) && parseEntryText(textAt(esp, name)) !== undefined;
}

function textAt(esp: Esp, name: string): string {
  return readText(esp, `${ENTRIES}/${name}`, ENTRY_BYTES_MAX) ?? "";
}

/** A firmware that was cut while it renamed an entry can leave both names: the one with fewer boots left is the later one. */
function onePerSlot(entries: readonly Entry[]): Entry[] {
  const chosen = new Map<string, Entry>();
  for (const entry of entries) {
    const key = `${entry.slot} ${entry.counter === undefined ? "always" : "counted"}`;
    const other = chosen.get(key);
    if (other === undefined || leftOf(entry) < leftOf(other)) chosen.set(key, entry);
  }
  return [...chosen.values()].toSorted((one, other) => other.rank - one.rank);
}

function leftOf({ counter }: Entry): number {
  return counter?.left ?? Number.POSITIVE_INFINITY;
}

/** Makes an entry under a name that no other has, and returns the name. */
export async function addEntry(esp: Esp, entry: NewEntry): Promise<string> {
  const { slot, tries, record } = entry;
  const taken = (esp.list(ENTRIES) ?? []).map((file) => file.name);
  const name = entryName({ slot, tries, gen: record.gen }, taken);
  await esp.write(`${ENTRIES}/${name}`, contentOf(encodeEntry(entry)));
  return name;
}

export async function removeEntries(esp: Esp, names: readonly string[]): Promise<void> {
  for (const name of names) await esp.remove(`${ENTRIES}/${name}`);
}
