import { readGrubenv } from "./grub-files.ts";
import { entryOf, type KairosPlaces, nextEntryFile } from "./places.ts";

/** The names of the active system's entry; GRUB starts it also without a choice. */
const ACTIVE = new Set(["", "0", "cos"]);

/** How the operator's choice for all boots contradicts the boot record, for people. Undefined when it does not. */
export function savedEntryProblem(places: KairosPlaces): string | undefined {
  const { record } = places.loaderData;
  if (record === undefined) return undefined;
  const values = readGrubenv(places);
  const entry = values === "damaged" ? "" : (values.get("saved_entry") ?? "");
  if (ACTIVE.has(entry) || entry === entryOf(record.good)) return undefined;
  return `saved_entry in ${nextEntryFile(places).path} is "${entry}": GRUB starts that entry in place of slot ${record.good}`;
}
