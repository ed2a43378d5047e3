/**
 * In which boot of the machine a boot record was made: the file /tandem/boot on COS_STATE. A record says nothing about a
 * boot that began before it, and GRUB does not report the record that it has used. The file also has what a repair
 * needs to take a record back. It is written before the record, and so has the record before it, too.
 */
import type { BootRecord } from "../../control/record.ts";
import { genOf } from "../../control/record.ts";
import { TandemError } from "../../lib/error.ts";
import { isSlotName, type SlotName } from "../../slot/slot.ts";
import { changeEnvFile, readEnvFile, remakeEnvFile } from "../grub/env-file.ts";
import { exists, inTandem, type KairosPlaces } from "./places.ts";

export interface RecordOrigin {
  readonly gen: number;
  /** The kernel's name of the boot in which the record was made. */
  readonly boot: string;
  /** The good slot of the record before it. */
  readonly before: SlotName | undefined;
  /** The entry for one boot that was set with it. */
  readonly next: string | undefined;
  /** Whether a hook gave verdicts when it was made. */
  readonly givesVerdicts: boolean;
}

const NAME = "boot";
const [NEWEST, EARLIER] = ["", "_before"];

/** The newest one first; none when the file is missing or damaged. */
export function readOrigins(places: KairosPlaces): readonly RecordOrigin[] {
  const values = valuesIn(places);
  return [NEWEST, EARLIER].flatMap((suffix) => parse(values, suffix) ?? []);
}

/** Whether tandem has ever committed a record here. */
export function hasOrigins(places: KairosPlaces): boolean {
  return exists(inTandem(places, NAME));
}

export function originOf(places: KairosPlaces, record: BootRecord): RecordOrigin | undefined {
  return readOrigins(places).find(({ gen }) => gen === record.gen);
}

/** Whether the record was made in this boot. Undefined when that is not known. */
export function isMadeNow(places: KairosPlaces, record: BootRecord): boolean | undefined {
  const origin = originOf(places, record);
  return origin && origin.boot === places.bootId;
}

/** Keeps the origin of `record`, which is still in force. */
export function writeOrigin(
  places: KairosPlaces,
  origin: RecordOrigin,
  record: BootRecord | undefined,
): void {
  const earlier = record && originOf(places, record);
  places.files.makeFolder(inTandem(places, NAME).folder);
  const values = { ...format(origin, NEWEST), ...format(earlier, EARLIER) };
  if (isReadable(places)) changeEnvFile(inTandem(places, NAME), values);
  else remakeEnvFile(inTandem(places, NAME), values);
}

/** The entry for one boot of the record before is gone. Whoever sets the same one again is not tandem. */
export function forgetEarlierNext(places: KairosPlaces): void {
  const [, earlier] = readOrigins(places);
  if (earlier?.next !== undefined)
    changeEnvFile(inTandem(places, NAME), { [`next${EARLIER}`]: "" });
}

function format(origin: RecordOrigin | undefined, suffix: string): Record<string, string> {
  return {
    [`gen${suffix}`]: `${origin?.gen ?? ""}`,
    [`boot${suffix}`]: origin?.boot ?? "",
    [`good${suffix}`]: origin?.before ?? "",
    [`next${suffix}`]: origin?.next ?? "",
    [`verdicts${suffix}`]: origin?.givesVerdicts === true ? "yes" : "",
  };
}

function parse(values: ReadonlyMap<string, string>, suffix: string): RecordOrigin | undefined {
  const value = (name: string): string => values.get(`${name}${suffix}`) ?? "";
  const [gen, boot] = [genOf(value("gen")), value("boot")];
  if (gen === 0 || boot === "") return undefined;
  const before = value("good");
  return {
    gen,
    boot,
    before: isSlotName(before) ? before : undefined,
    next: value("next") === "" ? undefined : value("next"),
    givesVerdicts: value("verdicts") === "yes",
  };
}

function isReadable(places: KairosPlaces): boolean {
  return !hasOrigins(places) || valuesIn(places).size > 0;
}

function valuesIn(places: KairosPlaces): ReadonlyMap<string, string> {
  try {
    return readEnvFile(inTandem(places, NAME));
  } catch (error) {
    if (error instanceof TandemError && error.code === "boot") return new Map();
    throw error;
  }
}
