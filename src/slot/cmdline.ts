import { isSlotName, type SlotName } from "./slot.ts";

/** What the boot loader told the system about this boot. */
export interface Cmdline {
  /** Which slot the loader says it started. */
  readonly slot: SlotName | undefined;
  /** The record that the loader went by; 0 when it found none. */
  readonly gen: number | undefined;
  /** Boots that are left after this one. */
  readonly left: number | undefined;
  /** The trial that was given up before this boot. */
  readonly fell: SlotName | undefined;
  /** Why it was given up: "tries" or "kernel". */
  readonly why: string | undefined;
  /** The good slot that was given up before this boot, and why: "limit" or "kernel". */
  readonly gaveUp: { readonly slot: SlotName; readonly why: string } | undefined;
  /** The loader counts down for this boot, so that ending it leads on. */
  readonly counted: boolean;
  /** The loader could not count this boot. */
  readonly uncounted: boolean;
  /** Of `root=PARTUUID=…`, lower case. */
  readonly rootPartuuid: string | undefined;
}

/** Reads the text of /proc/cmdline. Of a word that is given twice the last counts, as in the kernel. */
export function parseCmdline(text: string): Cmdline {
  const values = new Map<string, string>();
  for (const word of wordsOf(text)) {
    // What follows is for init, not for the kernel.
    if (word === "--") break;
    const equals = word.indexOf("=");
    if (equals === -1) values.set(word, "");
    else values.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return {
    slot: slotOf(values.get("tandem.slot")),
    gen: countOf(values.get("tandem.gen")),
    left: countOf(values.get("tandem.left")),
    fell: slotOf(values.get("tandem.fell")),
    why: values.get("tandem.why"),
    gaveUp: gaveUpOf(values.get("tandem.gave_up")),
    counted:
      (values.has("tandem.left") || values.has("tandem.counted")) &&
      !values.has("tandem.uncounted"),
    uncounted: values.has("tandem.uncounted"),
    rootPartuuid: /^PARTUUID=([0-9a-f-]+)$/i.exec(values.get("root") ?? "")?.[1]?.toLowerCase(),
  };
}

/** Words end at white space that no double quotes enclose; the quotes go. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ""));
}

function slotOf(text: string | undefined): SlotName | undefined {
  return text !== undefined && isSlotName(text) ? text : undefined;
}

/** "a:limit" */
function gaveUpOf(text = ""): Cmdline["gaveUp"] {
  const [name = "", why = ""] = text.split(":");
  return isSlotName(name) ? { slot: name, why } : undefined;
}

function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
