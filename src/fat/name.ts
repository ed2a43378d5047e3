import { viewOf } from "../lib/view.ts";
import { TandemError } from "../lib/error.ts";

/** A directory is an array of slots of this size. The slots of a long name precede the main slot of its file. */
export const SLOT_BYTES = 32;
/** VFAT: a slot of a long name. `parts` are offset and count of its characters, which have two bytes each. */
const LONG = {
  order: 0,
  attributes: 11,
  checksum: 13,
  parts: [
    [1, 5],
    [14, 6],
    [28, 2],
  ],
} as const;
const CHARACTERS_PER_SLOT = 13;
const LAST_SLOT = 0x40;
export const LONG_NAME_ATTRIBUTES = 0x0f;
const SHORT_BYTES = 11;
/** tandem writes only ASCII names, although FAT allows more. */
const NAME = /^[\w !#$%&'()+,.;=@[\]^`{}~-]{1,100}$/;
/** A name that needs no long name. */
const SHORT_NAME = /^[\dA-Z_!#$%&'()@^`{}~-]{1,8}(?:\.[\dA-Z_!#$%&'()@^`{}~-]{1,3})?$/;
/**
 * Bits in the main slot: the base or the extension of the short name is in lower case. Windows NT sets them; Linux and
 * EDK II read them.
 */
const LOWER = { base: 0x08, extension: 0x10 } as const;
const NUMBER_MAX = 9999;

/** Throws "disk" for a name that tandem cannot give to a file. */
export function checkName(name: string): void {
  if (!NAME.test(name) || /^[ .]|[ .]$/.test(name))
    throw new TandemError("disk", `Cannot make ${JSON.stringify(name)}: FAT has no such names`);
}

/**
 * Returns the short name for a new file: eleven characters, different from all in `taken`. Throws "disk" when none is
 * left.
 */
export function shortNameFor(name: string, taken: ReadonlySet<string>): string {
  const dot = name.lastIndexOf(".");
  const base = plain(dot > 0 ? name.slice(0, dot) : name);
  const extension = plain(dot > 0 ? name.slice(dot + 1) : "").slice(0, 3);
  const whole = shortOf(base.slice(0, 8), extension);
  if (SHORT_NAME.test(name.toUpperCase()) && !taken.has(whole)) return whole;
  for (let number = 1; number <= NUMBER_MAX; number += 1) {
    const tail = `~${number}`;
    const short = shortOf(base.slice(0, 8 - tail.length) + tail, extension);
    if (!taken.has(short)) return short;
  }
  throw new TandemError("disk", `Cannot make ${name}: its folder has too many names like it`);
}

/** Whether the name can be stored without a long name. */
export function isShortName(name: string): boolean {
  return SHORT_NAME.test(name);
}

/** Returns the slots of a long name in their order on the medium: the last part of the name comes first. */
export function longNameSlots(name: string, short: string): Uint8Array[] {
  const count = Math.ceil(name.length / CHARACTERS_PER_SLOT);
  const slots = Array.from({ length: count }, (_, index) => {
    const part = name.slice(index * CHARACTERS_PER_SLOT, (index + 1) * CHARACTERS_PER_SLOT);
    const order = index + 1 + (index + 1 === count ? LAST_SLOT : 0);
    return longNameSlot(part, order, checksumOf(short));
  });
  return slots.toReversed();
}

function longNameSlot(part: string, order: number, checksum: number): Uint8Array {
  const slot = new Uint8Array(SLOT_BYTES);
  slot[LONG.order] = order;
  slot[LONG.attributes] = LONG_NAME_ATTRIBUTES;
  slot[LONG.checksum] = checksum;
  const view = new DataView(slot.buffer);
  // A zero ends the name. The unused characters after it are 0xffff.
  for (const [index, at] of placesOfCharacters().entries()) {
    const filler = index === part.length ? 0 : 0xffff;
    view.setUint16(at, index < part.length ? part.charCodeAt(index) : filler, true);
  }
  return slot;
}

/** Whether this is the first slot of a long name on the medium. */
export function isFirstOfLongName(slot: Uint8Array): boolean {
  return (slot[LONG.order] ?? 0) % (2 * LAST_SLOT) >= LAST_SLOT;
}

/**
 * Returns the long name in the slots before a main slot. Undefined when they are incomplete or belong to another file.
 */
export function parseLongName(slots: readonly Uint8Array[], short: string): string | undefined {
  const count = slots.length;
  const checksum = checksumOf(short);
  const isWhole = slots.every(
    (slot, index) =>
      slot[LONG.order] === count - index + (index === 0 ? LAST_SLOT : 0) &&
      slot[LONG.checksum] === checksum,
  );
  if (count === 0 || !isWhole) return undefined;
  const name = slots
    .toReversed()
    .map((slot) => charactersOf(slot))
    .join("");
  const end = name.indexOf("\0");
  return end === -1 ? name : name.slice(0, end);
}

function charactersOf(slot: Uint8Array): string {
  const view = viewOf(slot);
  return placesOfCharacters()
    .map((at) => String.fromCharCode(view.getUint16(at, true)))
    .join("");
}

/** Turns "TANDEM~1CON" into "TANDEM~1.CON". `caseBits` is the byte after the attributes in the main slot: see LOWER. */
export function parseShortName(short: string, caseBits: number): string {
  const has = (bit: number): boolean => Math.floor(caseBits / bit) % 2 === 1;
  const base = short.slice(0, 8).trimEnd();
  const extension = short.slice(8).trimEnd();
  const shown = has(LOWER.base) ? base.toLowerCase() : base;
  if (extension === "") return shown;
  return `${shown}.${has(LOWER.extension) ? extension.toLowerCase() : extension}`;
}

function placesOfCharacters(): number[] {
  return LONG.parts.flatMap(([at, count]) => Array.from({ length: count }, (_, i) => at + 2 * i));
}

/**
 * Computes the checksum of a short name in its long name's slots. A system without long names changes the short name
 * only, so the checksum shows that the long name is stale.
 */
function checksumOf(short: string): number {
  let sum = 0;
  for (let index = 0; index < SHORT_BYTES; index += 1)
    sum = ((sum % 2) * 128 + Math.floor(sum / 2) + short.charCodeAt(index)) % 256;
  return sum;
}

function plain(text: string): string {
  return text
    .toUpperCase()
    .replaceAll(/[ .]/g, "")
    .replaceAll(/[+,;=[\]]/g, "_");
}

function shortOf(base: string, extension: string): string {
  return base.padEnd(8) + extension.padEnd(3);
}
