/** systemd-boot's configuration: it must choose tandem's entries. */
import { about, type Finding } from "../../lib/finding.ts";
import { PARTITION_SLOTS } from "../../slot/slot.ts";
import type { TandemEsp } from "../esp/choose-esp.ts";
import { type Esp, isFile, readEspText } from "../esp/esp.ts";
import { readEspFile, replaceEspFile } from "../esp/esp-file.ts";
import { ENTRIES } from "./entry-folder.ts";

export const LOADER_CONF = "/loader/loader.conf";
const BYTES_MAX = 64 * 1024;
const DEFAULT = "default tandem-*";
/** The lines that choose an entry, the stronger one first: systemd-boot 260 and newer takes `preferred` before `default`. */
const CHOICES = ["preferred", "default"] as const;

export function checkLoaderConf(place: TandemEsp, esp: Esp): Finding {
  const { ok, warn, bad } = about("configuration of systemd-boot", "boot");
  const text = readEspFile(esp, LOADER_CONF);
  const chosen = CHOICES.map((key) => ({ key, pattern: valueOf(text ?? "", key) }));
  const other = chosen.find(({ pattern }) => pattern !== undefined && !choosesTandem(pattern));
  const more = {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `correct ${LOADER_CONF}: ${DEFAULT}`,
      run: () => replaceEspFile(place, LOADER_CONF, corrected(text ?? "")),
    },
  };
  if (other !== undefined)
    return bad(
      `${LOADER_CONF} says "${other.key} ${other.pattern}", which chooses other entries than those of tandem`,
      more,
    );
  const pattern = chosen.find(({ key }) => key === "default")?.pattern;
  if (isFile(esp, LOADER_CONF) && pattern !== undefined)
    return ok(`${LOADER_CONF} says "default ${pattern}"`);
  const what = isFile(esp, LOADER_CONF)
    ? `${LOADER_CONF} does not say "${DEFAULT}"`
    : `${LOADER_CONF} is not there`;
  return warn(`${what}: the first of all entries in ${ENTRIES} boots`, more);
}

/** The first line that chooses one of tandem's entries. undefined: there is none. */
export function tandemLine(esp: Esp): string | undefined {
  const line = /^[ \t]*(?:preferred|default)[ \t]+tandem\S*/im.exec(
    readEspText(esp, LOADER_CONF, BYTES_MAX) ?? "",
  );
  return line?.[0].trim();
}

/** The value that systemd-boot uses: that of the last such line. */
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

/** Whether a pattern matches the entries of every slot, counted or not, and no other entries. */
export function choosesTandem(pattern: string): boolean {
  if (!pattern.toLowerCase().startsWith("tandem")) return false;
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const names = PARTITION_SLOTS.flatMap((slot) => [
    `tandem-${slot}.conf`,
    `tandem-${slot}-17+2-1.conf`,
  ]);
  return names.every((name) => new RegExp(`^${source}$`, "i").test(name));
}
