/** GRUB's own files on the EFI system partition (boot/grub.cfg). */
import { type Esp, isFile } from "../boot/esp/esp.ts";
import { envLine, envText, parseEnvBlock } from "../control/env-block.ts";
import { isSlotName, type SlotName } from "../slot/slot.ts";
import type { Machine } from "../machine/machine.ts";
import type { EspAccess } from "./esp.ts";
import { readEspFile, replaceEspFile } from "./esp-file.ts";
import { about, type Finding } from "../lib/finding.ts";
import { checkScratch } from "./scratch.ts";

const DISK = "/tandem/disk.cfg";
const SCRIPT = "/tandem/grub.cfg";
const ENV_BYTES = 1024;

export function checkGrub(machine: Machine, access: EspAccess, esp: Esp): Finding[] {
  return [checkScript(esp), checkDisk(machine, access, esp), checkScratch(access, esp)];
}

/** The slot that GRUB starts when there is no record. undefined: its configuration names none. */
export function fallbackOn(access: EspAccess): SlotName | undefined {
  const esp = access.open({ write: false });
  if (esp === undefined) return undefined;
  try {
    const fallback = configuration(esp).get("fallback") ?? "";
    return isSlotName(fallback) ? fallback : undefined;
  } finally {
    esp.close();
  }
}

function checkScript(esp: Esp): Finding {
  const { ok, bad } = about("GRUB's script", "boot");
  const sizeBytes = esp.read(SCRIPT)?.sizeBytes ?? 0;
  if (sizeBytes > 0) return ok(`${SCRIPT} is there`);
  return bad(`${SCRIPT} is not there`, { advice: "Install the boot loader anew." });
}

function checkDisk({ loaderData, slots }: Machine, access: EspAccess, esp: Esp): Finding {
  const { ok, bad } = about("GRUB's configuration", "boot");
  const values = configuration(esp);
  const fallback = values.get("fallback") ?? "";
  const isSlot = isSlotName(fallback) && slots[fallback] !== undefined;
  const wanted = {
    control: `${access.control}`,
    fallback: isSlot ? fallback : (loaderData.record?.good ?? "a"),
  };
  const flaws = Object.entries(wanted)
    .filter(([name, value]) => values.get(name) !== value)
    .map(([name, value]) => `${name} is "${values.get(name) ?? ""}", want "${value}"`);
  if (flaws.length === 0 && isFile(esp, DISK))
    return ok(`${DISK} names control partition ${wanted.control} and slot ${wanted.fallback}`);
  const lines = [...new Map([...values, ...Object.entries(wanted)])];
  const text = envText(lines.map(([name, value]) => envLine(name, value)));
  return bad(`${DISK} cannot be used: ${flaws.join(", ") || "a cut has left half of it"}`, {
    advice: "Run tandem doctor --fix.",
    repair: {
      what: `write ${DISK} anew: control partition ${wanted.control}`,
      run: () => replaceEspFile(access, DISK, text.padEnd(ENV_BYTES, "#")),
    },
  });
}

/** What differs between machines: control, fallback, wait, serial, speed, options. Nothing where it cannot be read. */
function configuration(esp: Esp): ReadonlyMap<string, string> {
  const block = parseEnvBlock(Buffer.from(readEspFile(esp, DISK) ?? "", "utf8"));
  return "invalid" in block ? new Map() : block.values;
}
