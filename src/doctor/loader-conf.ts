/** systemd-boot's own configuration: it has to go by tandem's entries. */
import { ENTRIES } from "../boot/systemd-boot/entry-folder.ts";
import { type Esp, isFile } from "../boot/esp/esp.ts";
import { SLOT_NAMES } from "../slot/slot.ts";
import type { EspAccess } from "./esp.ts";
import { readEspFile, replaceEspFile } from "./esp-file.ts";
import { about, type Finding } from "../lib/finding.ts";

const PATH = "/loader/loader.conf";
const DEFAULT = "default tandem-*";
/** The lines that choose an entry, the stronger one first: systemd-boot 260 and newer takes `preferred` before `default`. */
const CHOICES = ["preferred", "default"] as const;

export function checkLoaderConf(access: EspAccess, esp: Esp): Finding {
  const { ok, warn, bad } = about("configuration of systemd-boot", "boot");
  const text = readEspFile(esp, PATH);
  const chosen = CHOICES.map((key) => ({ key, pattern: valueOf(text ?? "", key) }));
  const astray = chosen.find(({ pattern }) => pattern !== undefined && !leadsToTandem(pattern));
  const more = {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write ${PATH} anew: ${DEFAULT}`,
      run: () => replaceEspFile(access, PATH, corrected(text ?? "")),
    },
  };
  if (astray !== undefined)
    return bad(
      `${PATH} says "${astray.key} ${astray.pattern}", which leads past the entries of tandem`,
      more,
    );
  const pattern = chosen.find(({ key }) => key === "default")?.pattern;
  if (isFile(esp, PATH) && pattern !== undefined) return ok(`${PATH} says "default ${pattern}"`);
  const what = isFile(esp, PATH) ? `${PATH} does not say "${DEFAULT}"` : `${PATH} is not there`;
  return warn(`${what}: the first of all entries in ${ENTRIES} boots`, more);
}

/** What systemd-boot takes: the last line of that name, as far as it knows it. */
function valueOf(text: string, key: (typeof CHOICES)[number]): string | undefined {
  const pattern = new RegExp(`^\\s*${key}\\s+(\\S.*?)\\s*$`, "i");
  return linesOf(text)
    .map((line) => pattern.exec(line)?.[1])
    .findLast((value) => value !== undefined);
}

function corrected(text: string): string {
  const choices = new RegExp(`^\\s*(?:${CHOICES.join("|")})\\s`, "i");
  const kept = linesOf(text).filter((line) => !choices.test(line) && line.trim() !== "");
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
