/**
 * Examines and replaces the scratch file, in which GRUB counts boots. GRUB's save_env writes into the blocks of the file: it cannot make
 * the file or let it grow, and it refuses blocks that overlap or do not add up to the size of the file. A file in several pieces is no
 * problem. A FAT has no sparse, packed or inline files.
 */
import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import { GEN_MAX, TRIES_MAX } from "../../control/record.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { about, type Finding } from "../../lib/finding.ts";
import { PARTITION_SLOTS } from "../../slot/slot.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, readEspText } from "../esp/esp.ts";
import { replaceEspFile } from "../esp/esp-file.ts";
import { COUNT_BYTES, COUNT_PATH } from "./count.ts";

/** The longest values that GRUB saves (grub.cfg). */
const LARGEST: Readonly<Record<string, string>> = {
  s_gen: `${GEN_MAX}`,
  s_trial: `${TRIES_MAX}`,
  s_good: `${TRIES_MAX}`,
  s_other: `${TRIES_MAX}`,
  s_lost: ` ${PARTITION_SLOTS.join(" ")}`,
};

export function checkScratch(place: TandemEsp, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's count", "boot");
  const flaw = flawOf(esp);
  if (flaw === undefined) return ok(`${COUNT_PATH} is there`);
  return bad(`${COUNT_PATH} ${flaw}: boots cannot be counted, so no trial begins`, {
    advice: "Run tandem doctor --fix.",
    repair: { what: `replace ${COUNT_PATH}`, run: () => remakeScratch(place) },
  });
}

/** Afterwards GRUB begins to count again. */
export async function remakeScratch(place: TandemEsp): Promise<void> {
  await replaceEspFile(place, COUNT_PATH, envText([]).padEnd(COUNT_BYTES, "#"));
}

function flawOf(esp: Esp): string | undefined {
  try {
    const sizeBytes = esp.read(COUNT_PATH)?.sizeBytes;
    if (sizeBytes === undefined) return "is not there";
    if (sizeBytes !== COUNT_BYTES) return `has ${sizeBytes} bytes, want ${COUNT_BYTES}`;
    const block = parseEnvBlock(
      Buffer.from(readEspText(esp, COUNT_PATH, COUNT_BYTES) ?? "", "latin1"),
    );
    return "invalid" in block ? `cannot be used: ${block.invalid}` : flawOfRoom(block.values);
  } catch (error) {
    if (error instanceof TandemError) return `cannot be read: ${reasonOf(error)}`;
    throw error;
  }
}

/** GRUB keeps the values of other programs, and cannot save when they leave no room. */
function flawOfRoom(values: ReadonlyMap<string, string>): string | undefined {
  const lines = [...new Map([...values, ...Object.entries(LARGEST)])];
  const { length } = Buffer.from(envText(lines.map(([name, value]) => envLine(name, value))));
  return length <= COUNT_BYTES
    ? undefined
    : `is full of other values: ${[...values.keys()].join(", ")}`;
}
