/** The scratch file, in which GRUB counts boots (grub.cfg). Only GRUB writes it; doctor replaces it when it is damaged. */
import { parseEnvBlock } from "../../control/env-block.ts";
import { genOf } from "../../control/record.ts";
import { type Esp, readEspText } from "../esp/esp.ts";

export const COUNT_PATH = "/tandem/tries";
export const COUNT_BYTES = 1024;

/** The generation of the record for which GRUB has counted boots; 0: none. Throws `boot` when the file cannot be read. */
export function countedGen(esp: Esp): number {
  const block = parseEnvBlock(Buffer.from(readEspText(esp, COUNT_PATH, COUNT_BYTES) ?? "", "utf8"));
  return "invalid" in block ? 0 : genOf(block.values.get("s_gen"));
}
