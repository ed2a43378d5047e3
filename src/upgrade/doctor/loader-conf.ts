/** systemd-boot's own configuration: it has to go by tandem's entries. */
import { ENTRIES } from "../../boot/entry-folder.ts";
import { type Esp, isFile } from "../../boot/esp.ts";
import { SLOT_NAMES } from "../../slot/slot.ts";
import type { EspAccess } from "./esp.ts";
import { readEspFile, replaceEspFile } from "./esp-file.ts";
import { about, type Finding } from "./finding.ts";

const PATH = "/loader/loader.conf";
const DEFAULT = "default tandem-*";

export function checkLoaderConf(access: EspAccess, esp: Esp): Finding {
  const { ok, warn, bad } = about("configuration of systemd-boot", "boot");
  const text = readEspFile(esp, PATH);
  const pattern = defaultOf(text ?? "");
  const more = {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write ${PATH} anew: ${DEFAULT}`,
      run: () => replaceEspFile(access, PATH, corrected(text ?? "")),
    },
  };
  if (pattern !== undefined && !leadsToTandem(pattern))
    return bad(`${PATH} says "default ${pattern}", which leads past the entries of tandem`, more);
  if (isFile(esp, PATH) && pattern !== undefined) return ok(`${PATH} says "default ${pattern}"`);
  const what = isFile(esp, PATH) ? `${PATH} does not say "${DEFAULT}"` : `${PATH} is not there`;
  return warn(`${what}: the first of all entries in ${ENTRIES} boots`, more);
}

/** What systemd-boot takes: the last line of that name, as far as it knows it. */
function defaultOf(text: string): string | undefined {
  return linesOf(text)
    .map((line) => /^\s*default\s+(\S.*?)\s*$/i.exec(line)?.[1])
    .findLast((value) => value !== undefined);
}

function corrected(text: string): string {
  const kept = linesOf(text).filter((line) => !/^\s*default\s/i.test(line) && line.trim() !== "");
  return [...kept, DEFAULT, ""].join("\n");
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}

/** Whether a pattern matches the entries of every slot, on trial or not, and no others. */
export function leadsToTandem(pattern: string): boolean {
  if (!pattern.toLowerCase().startsWith("tandem")) return false;
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const names = SLOT_NAMES.flatMap((slot) => [`tandem-${slot}.conf`, `tandem-${slot}-17+2-1.conf`]);
  return names.every((name) => new RegExp(`^${source}$`, "i").test(name));
}
