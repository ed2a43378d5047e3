/**
 * The file in which GRUB counts. Its save_env writes into the file's own blocks: it can neither make it nor let it grow, refuses blocks that
 * overlap or do not add up to the file's size, and takes a file in several pieces. Nothing on a FAT is sparse, packed or inline.
 */
import { type Esp, readText } from "../../boot/esp.ts";
import { envLine, envText, parseEnvBlock } from "../../control/env-block.ts";
import { GEN_MAX, TRIES_MAX } from "../../control/record.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import { SLOT_NAMES } from "../../slot/slot.ts";
import type { EspAccess } from "./esp.ts";
import { replaceEspFile } from "./esp-file.ts";
import { about, type Finding } from "./finding.ts";

const PATH = "/tandem/tries";
const BYTES = 1024;

/** The most that GRUB saves (boot/grub.cfg). */
const LARGEST: Readonly<Record<string, string>> = {
  s_gen: `${GEN_MAX}`,
  s_trial: `${TRIES_MAX}`,
  s_good: `${TRIES_MAX}`,
  s_other: `${TRIES_MAX}`,
  s_lost: ` ${SLOT_NAMES.join(" ")}`,
};

export function checkScratch(access: EspAccess, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's count", "boot");
  const flaw = flawOf(esp);
  if (flaw === undefined) return ok(`${PATH} is there`);
  return bad(`${PATH} ${flaw}: boots cannot be counted, so no trial begins`, {
    advice: "Run tandem doctor --fix.",
    repair: { what: `make ${PATH} anew`, run: () => remakeScratch(access) },
  });
}

/** GRUB starts to count anew. Afterwards no number of a record is one that it has counted under. */
export async function remakeScratch(access: EspAccess): Promise<void> {
  await replaceEspFile(access, PATH, envText([]).padEnd(BYTES, "#"));
}

function flawOf(esp: Esp): string | undefined {
  try {
    const sizeBytes = esp.read(PATH)?.sizeBytes;
    if (sizeBytes === undefined) return "is not there";
    if (sizeBytes !== BYTES) return `has ${sizeBytes} bytes, want ${BYTES}`;
    const block = parseEnvBlock(Buffer.from(readText(esp, PATH, BYTES) ?? "", "latin1"));
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
  return length <= BYTES ? undefined : `is full of other values: ${[...values.keys()].join(", ")}`;
}
