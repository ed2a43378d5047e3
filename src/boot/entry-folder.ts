import type { SlotName } from "../slot/slot.ts";
import {
  type Entry,
  type EntryText,
  encodeEntry,
  entryName,
  parseEntry,
  parseEntryName,
} from "./entry.ts";
import { contentOf, type Esp, readText } from "./esp.ts";

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
  /** The entries of the newest record, one for a slot, in the order of their ranks. */
  readonly inForce: readonly Entry[];
}

export function readEntries(esp: Esp): EntryFolder {
  const names = (esp.list(ENTRIES) ?? [])
    .filter(({ name, isFolder }) => !isFolder && parseEntryName(name) !== undefined)
    .map(({ name }) => name);
  const entries = names.flatMap((name) => {
    const text = readText(esp, `${ENTRIES}/${name}`, ENTRY_BYTES_MAX);
    return parseEntry(name, text ?? "") ?? [];
  });
  const gen = Math.max(0, ...entries.map(({ record }) => record.gen));
  const newest = entries.filter(({ record }) => record.gen === gen);
  return { entries, names, gen, inForce: onePerSlot(newest) };
}

/** A firmware that was cut while it renamed an entry can leave both names: the one with fewer boots left is the later one. */
function onePerSlot(entries: readonly Entry[]): Entry[] {
  const bySlot = new Map<SlotName, Entry>();
  for (const entry of entries) {
    const other = bySlot.get(entry.slot);
    if (other === undefined || leftOf(entry) < leftOf(other)) bySlot.set(entry.slot, entry);
  }
  return [...bySlot.values()].toSorted((one, other) => other.rank - one.rank);
}

function leftOf({ counter }: Entry): number {
  return counter?.left ?? Number.POSITIVE_INFINITY;
}

/** What is to be written. */
export interface NewEntry extends EntryText {
  /** undefined: its boots are not counted. */
  readonly tries: number | undefined;
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
