import { isSlotName, type SlotName } from "./slot.ts";

/** What the kernel command line says about this boot. The boot loader has put it there. */
export interface Cmdline {
  /** The slot that the loader has started. */
  readonly slot: SlotName | undefined;
  /** The generation of the boot record that the loader has used; 0 when the loader found no record. */
  readonly gen: number | undefined;
  /** How many boots the slot has left after this one. */
  readonly left: number | undefined;
  /** The trial slot that the loader has given up before this boot. */
  readonly fell: SlotName | undefined;
  /** Why the loader has given the trial up: "tries" or "kernel". */
  readonly why: string | undefined;
  /** The good slot, when the loader has given it up before this boot, and why: "limit" or "kernel". */
  readonly gaveUp: { readonly slot: SlotName; readonly why: string } | undefined;
  /** The loader has counted this boot: after enough failed boots it starts another slot. */
  readonly counted: boolean;
  /** The loader wanted to count this boot and could not. */
  readonly uncounted: boolean;
  /** The unique GUID in `root=PARTUUID=…`, in lower case. */
  readonly rootPartuuid: string | undefined;
}

/** Reads the text of /proc/cmdline. When a word stands there twice, the last one counts, as in the kernel. */
export function parseCmdline(text: string): Cmdline {
  const values = kernelOptions(text);
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

/** The options by name. An option without a value has the value "". */
export function kernelOptions(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const word of wordsOf(text)) {
    // The words after it are for init, not for the kernel.
    if (word === "--") break;
    const equals = word.indexOf("=");
    if (equals === -1) values.set(word, "");
    else values.set(word.slice(0, equals), word.slice(equals + 1));
  }
  return values;
}

/** A word ends at white space outside of double quotes. The quotes are removed. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*(?:"|$)|[^\s"])+/g) ?? [];
  return words.map((word) => word.replaceAll('"', ""));
}

function slotOf(text: string | undefined): SlotName | undefined {
  return text !== undefined && isSlotName(text) ? text : undefined;
}

/** Parses "a:limit". */
function gaveUpOf(text = ""): Cmdline["gaveUp"] {
  const [name = "", why = ""] = text.split(":");
  return isSlotName(name) ? { slot: name, why } : undefined;
}

function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
