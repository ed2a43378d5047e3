/** Type 1 entries of the Boot Loader Specification, with its boot counting: "tandem-b+2-1.conf" has 2 boots left and 1 behind it. */
import { type BootRecord, flawOf } from "../../control/record.ts";
import { isSlotName, SLOT_NAMES, type SlotName } from "../../slot/slot.ts";

export interface Counter {
  readonly left: number;
  readonly done: number;
}

/** How one slot is started. */
export interface Start {
  /** Paths on the ESP. */
  readonly linux: string;
  readonly initrd: string | undefined;
  /** The kernel's options without those that tell of this boot. */
  readonly options: string;
}

export interface EntryText extends Start {
  readonly slot: SlotName;
  /** The whole decision that this entry is part of: after a cut one entry is enough to complete it. */
  readonly record: BootRecord;
  /** Of two entries of one record systemd-boot takes the one with the larger rank, unless its boots are used up. */
  readonly rank: number;
}

/** What is to be written. */
export interface NewEntry extends EntryText {
  /** undefined: its boots are not counted. */
  readonly tries: number | undefined;
}

export interface Entry extends EntryText {
  readonly name: string;
  /** undefined: its boots are not counted. */
  readonly counter: Counter | undefined;
}

const NAME = new RegExp(
  `^tandem-(${SLOT_NAMES.join("|")})(?:-[0-9]{1,10})?(?:\\+([0-9]{1,4})(?:-([0-9]{1,4}))?)?\\.conf$`,
);

interface Named {
  readonly slot: SlotName;
  readonly tries: number | undefined;
  readonly gen: number;
}

/**
 * The name of a new entry with so many boots. Where that is taken a number goes into it, of the record if it can be. A counted one also
 * keeps clear of the names that it will be given: systemd-boot boots without counting what it cannot rename.
 */
export function entryName({ slot, tries, gen }: Named, taken: readonly string[]): string {
  const count = tries === undefined ? "" : `+${tries}`;
  let stem = `tandem-${slot}`;
  for (let number = gen; isTaken(stem, count, taken); number += 1)
    stem = `tandem-${slot}-${number}`;
  return `${stem}${count}.conf`;
}

/** FAT does not tell upper from lower case. */
function isTaken(stem: string, count: string, taken: readonly string[]): boolean {
  const clashes = count === "" ? [`${stem}.conf`] : [`${stem}${count}.conf`, `${stem}+`];
  return taken.some((name) => clashes.some((clash) => name.toLowerCase().startsWith(clash)));
}

/** What a file name says; undefined: it is none of ours. */
export function parseEntryName(
  name: string,
): { readonly slot: SlotName; readonly counter: Counter | undefined } | undefined {
  const [, slot = "", left, done = "0"] = NAME.exec(name) ?? [];
  if (!isSlotName(slot)) return undefined;
  const counter = left === undefined ? undefined : { left: Number(left), done: Number(done) };
  return { slot, counter };
}

/** `linux` comes last: systemd-boot passes over an entry without it, so one that was cut off is none. */
export function encodeEntry(entry: NewEntry): string {
  const { slot, record, rank, linux, initrd, options, tries } = entry;
  // The loader cannot say how many boots are left, but what ends a boot has to know that there is a count.
  const told = `tandem.slot=${slot} tandem.gen=${record.gen}${tries === undefined ? "" : " tandem.counted"}`;
  return [
    "# Written by tandem, which writes it anew.",
    `# record ${encodeFields(record)}`,
    `title tandem slot ${slot}`,
    "sort-key tandem",
    `version ${record.gen}.${rank}`,
    ...(initrd === undefined ? [] : [`initrd ${initrd}`]),
    `options ${told} ${options}`,
    `linux ${linux}`,
    "",
  ].join("\n");
}

/** undefined: it is damaged, or not ours. */
export function parseEntry(name: string, text: string): Entry | undefined {
  const named = parseEntryName(name);
  const said = parseEntryText(text);
  return named === undefined || said === undefined ? undefined : { ...named, name, ...said };
}

/** What an entry says, whatever its name. */
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

/** "12 a b 3 0 recovery": number, good slot, trial, its tries, limit, last slot. */
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
