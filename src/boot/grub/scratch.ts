/**
 * The file in which GRUB counts. Its save_env writes into the file's own blocks: it can neither make it nor let it grow, refuses blocks that
 * overlap or do not add up to the file's size, and takes a file in several pieces. Nothing on a FAT is sparse, packed or inline.
 */
import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import { GEN_MAX, TRIES_MAX } from "../../control/record.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { about, type Finding } from "../../lib/finding.ts";
import { SLOT_NAMES } from "../../slot/slot.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, readText } from "../esp/esp.ts";
import { replaceEspFile } from "../esp/esp-file.ts";
import { COUNT_BYTES, COUNT_PATH } from "./count.ts";

/** The most that GRUB saves (boot/grub.cfg). */
const LARGEST: Readonly<Record<string, string>> = {
  s_gen: `${GEN_MAX}`,
  s_trial: `${TRIES_MAX}`,
  s_good: `${TRIES_MAX}`,
  s_other: `${TRIES_MAX}`,
  s_lost: ` ${SLOT_NAMES.join(" ")}`,
};

export function checkScratch(place: TandemEsp, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's count", "boot");
  const flaw = flawOf(esp);
  if (flaw === undefined) return ok(`${COUNT_PATH} is there`);
  return bad(`${COUNT_PATH} ${flaw}: boots cannot be counted, so no trial begins`, {
    advice: "Run tandem doctor --fix.",
    repair: { what: `make ${COUNT_PATH} anew`, run: () => remakeScratch(place) },
  });
}

/** GRUB starts to count anew. */
export async function remakeScratch(place: TandemEsp): Promise<void> {
  await replaceEspFile(place, COUNT_PATH, envText([]).padEnd(COUNT_BYTES, "#"));
}

function flawOf(esp: Esp): string | undefined {
  try {
    const sizeBytes = esp.read(COUNT_PATH)?.sizeBytes;
    if (sizeBytes === undefined) return "is not there";
    if (sizeBytes !== COUNT_BYTES) return `has ${sizeBytes} bytes, want ${COUNT_BYTES}`;
    const block = parseEnvBlock(
      Buffer.from(readText(esp, COUNT_PATH, COUNT_BYTES) ?? "", "latin1"),
    );
    return "invalid" in block ? `cannot be used: ${block.invalid}` : flawOfRoom(block.values);
  } catch (error) {
    if (error instanceof TandemError) return `cannot be read: ${reasonOf(error)}`;
    throw error;
  }
}

/** GRUB keeps what others have put there, and gives up when there is no room beside it. */
function flawOfRoom(values: ReadonlyMap<string, string>): string | undefined {
  const lines = [...new Map([...values, ...Object.entries(LARGEST)])];
  const { length } = Buffer.from(envText(lines.map(([name, value]) => envLine(name, value))));
  return length <= COUNT_BYTES
    ? undefined
    : `is full of other values: ${[...values.keys()].join(", ")}`;
}
