/** The file in which GRUB counts boots (boot/grub.cfg). Only GRUB writes it; tandem makes it anew when it is damaged. */
import { parseEnvBlock } from "../../control/env-block.ts";
import { genOf } from "../../control/record.ts";
import { type Esp, readText } from "../esp/esp.ts";

export const COUNT_PATH = "/tandem/tries";
export const COUNT_BYTES = 1024;

/** The number of the record that GRUB has counted boots for; 0: none. Throws `boot` when the file cannot be read. */
export function countedGen(esp: Esp): number {
  const block = parseEnvBlock(Buffer.from(readText(esp, COUNT_PATH, COUNT_BYTES) ?? "", "utf8"));
  return "invalid" in block ? 0 : genOf(block.values.get("s_gen"));
}
