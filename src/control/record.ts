import { assert } from "../lib/assert.ts";
import { isSlotName, type SlotName } from "../slot/slot.ts";
import { envLine, envText, parseEnvBlock } from "./env-block.ts";

/** What the boot loader reads to choose a slot. */
export interface BootRecord {
  /**
   * The generation: the number of the commit, from 1. Of two valid copies the one with the larger generation is in
   * force.
   */
  readonly gen: number;
  readonly good: SlotName;
  readonly trial: SlotName | undefined;
  /** Boots for the trial; 0 without one. */
  readonly tries: number;
  /** Boots of the good slot without a verdict; 0 for no limit. */
  readonly limit: number;
  /** The last resort: the slot that boots when the others are used up. Undefined for the menu. */
  readonly last: SlotName | undefined;
}

/** A record before its commit, which gives it the generation. */
export type NextRecord = Omit<BootRecord, "gen">;

export type RecordCopy = BootRecord | { readonly invalid: string };

export const RECORD_BYTES = 1024;
/** GRUB has no arithmetic: its script counts down through 9 comparisons, with 1 to 9 (boot/grub/grub.cfg). */
export const TRIES_MAX = 10;
/** GRUB's `test` compares in a signed 32-bit integer. */
export const GEN_MAX = 2 ** 31 - 1;
/** A disk writes a sector as a whole or not at all. */
const SECTOR_BYTES = 512;

/**
 * The first sector has everything but `gen_end`, which is alone in the second one. A comment fills the space between.
 * When a write loses one of the sectors, `gen` and `gen_end` differ.
 */
export function encodeRecord(record: BootRecord): Uint8Array {
  const flaw = flawOf(record);
  assert(flaw === undefined, `record: ${flaw}`);
  const lines = [
    envLine("gen", `${record.gen}`),
    envLine("good", record.good),
    envLine("trial", record.trial ?? ""),
    envLine("tries", `${record.tries}`),
    envLine("limit", `${record.limit}`),
    envLine("last", record.last ?? ""),
  ];
  const first = envText(lines).padEnd(SECTOR_BYTES, "#");
  assert(first.length === SECTOR_BYTES && first.endsWith("#"), "the record fits one sector");
  const second = `#\n${envLine("gen_end", `${record.gen}`)}`;
  return Buffer.from((first + second).padEnd(RECORD_BYTES, "#"), "latin1");
}

/** Never throws: a copy that cannot be used has the reason. */
export function parseRecord(bytes: Uint8Array): RecordCopy {
  const block = parseEnvBlock(bytes.subarray(0, RECORD_BYTES));
  if ("invalid" in block) return block;
  const value = (name: string): string => block.values.get(name) ?? "";
  const [gen, genEnd] = [value("gen"), value("gen_end")];
  if (gen !== genEnd)
    return { invalid: `its write was cut: gen is "${gen}", gen_end is "${genEnd}"` };
  const good = value("good");
  const unknown = [good, value("trial") || good, value("last") || good].find(
    (name) => !isSlotName(name),
  );
  if (!isSlotName(good) || unknown !== undefined)
    return { invalid: `it names "${unknown}", which is no slot` };
  const record = {
    gen: numberOf(gen),
    good,
    trial: slotOf(value("trial")),
    tries: numberOf(value("tries")),
    limit: numberOf(value("limit")),
    last: slotOf(value("last")),
  };
  const flaw = flawOf(record);
  return flaw === undefined ? record : { invalid: flaw };
}

/** Which of the two copies is in force. The boot loader decides in the same way. */
export function chooseRecord(copy0: RecordCopy, copy1: RecordCopy): 0 | 1 | undefined {
  if ("invalid" in copy0) return "invalid" in copy1 ? undefined : 1;
  if ("invalid" in copy1) return 0;
  return copy1.gen > copy0.gen ? 1 : 0;
}

/**
 * The highest generation in both copies, also in torn ones; 0 when there is none. For a new record when no copy is in
 * force.
 */
export function highestGen(copies: readonly Uint8Array[]): number {
  const text = copies.map((bytes) => Buffer.from(bytes).toString("latin1")).join("\n");
  const gens = [...text.matchAll(/^gen(?:_end)?=(.*)$/gm)].map((match) => genOf(match[1]));
  return Math.max(0, ...gens);
}

/** A generation from bytes that are not a valid record; 0 when there is none. */
export function genOf(text: string | undefined): number {
  const gen = numberOf(text);
  // Half of the maximum cannot be reached by counting: the bytes are damaged.
  return gen < GEN_MAX / 2 ? gen : 0;
}

/** Why no boot loader could use the record. Undefined when one could. */
export function flawOf({ gen, good, trial, tries, limit, last }: BootRecord): string | undefined {
  if (!isWithin(gen, 1, GEN_MAX)) return `gen is ${gen}`;
  if (!isWithin(limit, 0, TRIES_MAX)) return `limit is ${limit}`;
  if (!isWithin(tries, trial === undefined ? 0 : 1, trial === undefined ? 0 : TRIES_MAX))
    return `tries is ${tries} with trial "${trial ?? ""}"`;
  if (trial === good) return `trial and good are both "${good}"`;
  if (last !== undefined && (last === good || last === trial))
    return `last is "${last}", which is ${last === good ? "good" : "the trial"}`;
  return undefined;
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** NaN for any form but the shortest decimal one: GRUB reads a leading zero as octal. */
function numberOf(text = ""): number {
  return /^(0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN;
}

function slotOf(text: string): SlotName | undefined {
  return isSlotName(text) ? text : undefined;
}
