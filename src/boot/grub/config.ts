/** /tandem/disk.cfg, the settings of one machine for GRUB's script: control, fallback, wait, serial, speed, options. */
import { parseEnvBlock } from "../../control/env-block.ts";
import { isSlotName, type SlotName } from "../../slot/slot.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import type { Esp } from "../esp/esp.ts";
import { readEspFile } from "../esp/esp-file.ts";

export const CONFIG_PATH = "/tandem/disk.cfg";
export const CONFIG_BYTES = 1024;

/** The settings by their names. Empty when the file cannot be read. */
export function readConfig(esp: Esp): ReadonlyMap<string, string> {
  const block = parseEnvBlock(Buffer.from(readEspFile(esp, CONFIG_PATH) ?? "", "utf8"));
  return "invalid" in block ? new Map() : block.values;
}

/** The slot that GRUB starts when there is no record. undefined: the configuration names no slot. Throws `boot`. */
export function fallbackOn(place: TandemEsp): SlotName | undefined {
  const esp = place.open({ write: false });
  if (esp === undefined) return undefined;
  try {
    const fallback = readConfig(esp).get("fallback") ?? "";
    return isSlotName(fallback) ? fallback : undefined;
  } finally {
    esp.close();
  }
}
