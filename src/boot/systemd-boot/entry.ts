/** Type 1 entries of the Boot Loader Specification, with boot counting: "tandem-b+2-1.conf" has 2 boots left and 1 boot done. */
import { type BootRecord, flawOf } from "../../control/record.ts";
import { isSlotName, PARTITION_SLOTS, type SlotName } from "../../slot/slot.ts";

export interface Counter {
  readonly left: number;
  readonly done: number;
}

/** How one slot is started. */
export interface Start {
  /** Paths on the ESP. */
  readonly linux: string;
  readonly initrd: string | undefined;
  /** The kernel's options, without those about the boot itself (tandem.slot, tandem.gen, tandem.counted). */
  readonly options: string;
}

export interface EntryText extends Start {
  readonly slot: SlotName;
  /** The whole boot record: after a power cut one entry is enough to write all others. */
  readonly record: BootRecord;
  /** systemd-boot prefers the entry with the higher rank, as long as it has boots left. */
  readonly rank: number;
}

/** An entry that is to be written. */
export interface NewLoaderEntry extends EntryText {
  /** How many boots it gets; undefined: boots are not counted. */
  readonly tries: number | undefined;
}

export interface LoaderEntry extends EntryText {
  readonly name: string;
  /** undefined: boots are not counted. */
  readonly counter: Counter | undefined;
}

const NAME = new RegExp(
  `^tandem-(${PARTITION_SLOTS.join("|")})(?:-[0-9]{1,10})?(?:\\+([0-9]{1,4})(?:-([0-9]{1,4}))?)?\\.conf$`,
);

interface NameRequest {
  readonly slot: SlotName;
  readonly tries: number | undefined;
  readonly gen: number;
}

/**
 * A name for a new entry. If the plain name is taken, a number is added: the generation of the record, or the next number that is free.
 * For a counted entry the names that counting will give it must be free, too: systemd-boot does not count what it cannot rename.
 */
export function entryName({ slot, tries, gen }: NameRequest, taken: readonly string[]): string {
  const count = tries === undefined ? "" : `+${tries}`;
  let stem = `tandem-${slot}`;
  for (let number = gen; isTaken(stem, count, taken); number += 1)
    stem = `tandem-${slot}-${number}`;
  return `${stem}${count}.conf`;
}

/** Names on a FAT are equal if only their case differs. */
function isTaken(stem: string, count: string, taken: readonly string[]): boolean {
  const clashes = count === "" ? [`${stem}.conf`] : [`${stem}${count}.conf`, `${stem}+`];
  return taken.some((name) => clashes.some((clash) => name.toLowerCase().startsWith(clash)));
}

/** What a file name says; undefined: it is not the name of one of tandem's entries. */
export function parseEntryName(
  name: string,
): { readonly slot: SlotName; readonly counter: Counter | undefined } | undefined {
  const [, slot = "", left, done = "0"] = NAME.exec(name) ?? [];
  if (!isSlotName(slot)) return undefined;
  const counter = left === undefined ? undefined : { left: Number(left), done: Number(done) };
  return { slot, counter };
}

/** `linux` is the last line: systemd-boot ignores an entry without it, so a torn entry is ignored. */
export function encodeEntry(entry: NewLoaderEntry): string {
  const { slot, record, rank, linux, initrd, options, tries } = entry;
  // systemd-boot cannot say how many boots are left. But the watch over a boot has to know whether the boot is counted.
  const facts = `tandem.slot=${slot} tandem.gen=${record.gen}${tries === undefined ? "" : " tandem.counted"}`;
  return [
    "# Written by tandem. Changes are overwritten.",
    `# record ${encodeFields(record)}`,
    `title tandem slot ${slot}`,
    "sort-key tandem",
    `version ${record.gen}.${rank}`,
    ...(initrd === undefined ? [] : [`initrd ${initrd}`]),
    `options ${facts} ${options}`,
    `linux ${linux}`,
    "",
  ].join("\n");
}

/** undefined: the entry is damaged, or not one of tandem's. */
export function parseEntry(name: string, text: string): LoaderEntry | undefined {
  const named = parseEntryName(name);
  const content = parseEntryText(text);
  return named === undefined || content === undefined ? undefined : { ...named, name, ...content };
}

/** The text of an entry, without its name. */
export function parseEntryText(text: string): Omit<EntryText, "slot"> | undefined {
  const lines = new Map(
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => /^(# record|[a-z-]+) (.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, key = "", value = ""]) => [key, value] as const),
  );
  const record = parseFields(lines.get("# record") ?? "");
  const rank = Number(/^\d+\.(\d)$/.exec(lines.get("version") ?? "")?.[1]);
  const options = /^tandem\.slot=\w+ tandem\.gen=\d+(?: tandem\.counted)? (.*)$/.exec(
    lines.get("options") ?? "",
  )?.[1];
  const linux = lines.get("linux");
  if (record === undefined || Number.isNaN(rank)) return undefined;
  if (options === undefined || linux === undefined) return undefined;
  return { record, rank, linux, initrd: lines.get("initrd"), options };
}

/** "12 a b 3 0 recovery": generation, good slot, trial, its tries, limit, last slot. */
function encodeFields({ gen, good, trial, tries, limit, last }: BootRecord): string {
  return [gen, good, trial ?? "-", tries, limit, last ?? "-"].join(" ");
}

function parseFields(text: string): BootRecord | undefined {
  const fields = text.split(" ");
  const [gen = "", good = "", trial = "", tries = "", limit = "", last = ""] = fields;
  if (fields.length !== 6 || !isSlotName(good)) return undefined;
  const record = {
    gen: Number(gen),
    good,
    trial: slotOf(trial),
    tries: Number(tries),
    limit: Number(limit),
    last: slotOf(last),
  };
  return flawOf(record) === undefined && encodeFields(record) === text ? record : undefined;
}

function slotOf(name: string): SlotName | undefined {
  return isSlotName(name) ? name : undefined;
}
