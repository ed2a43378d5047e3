import {
  type LoaderEntry,
  encodeEntry,
  entryName,
  type NewLoaderEntry,
  parseEntry,
  parseEntryName,
  parseEntryText,
} from "./entry.ts";
import { contentOf, type Esp, readEspText } from "../esp/esp.ts";

export const ENTRIES = "/loader/entries";
/** Most of an entry is its command line of at most 2 KiB. */
const ENTRY_BYTES_MAX = 16 * 1024;

/** Tandem's entries in /loader/entries. */
export interface EntryFolder {
  /** The entries that can be read. */
  readonly entries: readonly LoaderEntry[];
  /** The names of all, also of damaged ones. */
  readonly names: readonly string[];
  /** The generation of the newest record; 0: there is none. */
  readonly gen: number;
  /** The entries of the newest record, the highest rank first. A slot has at most one counted entry and one that is not counted. */
  readonly inForce: readonly LoaderEntry[];
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

/** A power cut during a rename may leave a short name, or pieces of the old and the new long name. */
const TORN_NAME = /^(?:tandem-|ta[^.]*~\d+\.con$)/i;

function isOurs(esp: Esp, name: string): boolean {
  if (parseEntryName(name) !== undefined) return true;
  return TORN_NAME.test(name) && parseEntryText(textAt(esp, name)) !== undefined;
}

function textAt(esp: Esp, name: string): string {
  return readEspText(esp, `${ENTRIES}/${name}`, ENTRY_BYTES_MAX) ?? "";
}

/** A power cut during a rename may leave both names. The one with fewer boots left is the new one. */
function onePerSlot(entries: readonly LoaderEntry[]): LoaderEntry[] {
  const chosen = new Map<string, LoaderEntry>();
  for (const entry of entries) {
    const key = `${entry.slot} ${entry.counter === undefined ? "always" : "counted"}`;
    const other = chosen.get(key);
    if (other === undefined || leftOf(entry) < leftOf(other)) chosen.set(key, entry);
  }
  return [...chosen.values()].toSorted((one, other) => other.rank - one.rank);
}

function leftOf({ counter }: LoaderEntry): number {
  return counter?.left ?? Number.POSITIVE_INFINITY;
}

/** Makes an entry under a new name, and returns the name. */
export async function addEntry(esp: Esp, entry: NewLoaderEntry): Promise<string> {
  const { slot, tries, record } = entry;
  const taken = (esp.list(ENTRIES) ?? []).map((file) => file.name);
  const name = entryName({ slot, tries, gen: record.gen }, taken);
  await esp.write(`${ENTRIES}/${name}`, contentOf(encodeEntry(entry)));
  return name;
}

export async function removeEntries(esp: Esp, names: readonly string[]): Promise<void> {
  for (const name of names) await esp.remove(`${ENTRIES}/${name}`);
}
