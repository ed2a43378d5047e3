/** Doctor's findings about GRUB's files on the EFI system partition (grub.cfg). */
import { envLine, envText } from "../../control/env-block.ts";
import { about, type Finding } from "../../lib/finding.ts";
import { isSlotName } from "../../slot/slot.ts";
import type { ExaminedDisk } from "../bootloader.ts";
import { type Esp, isFile } from "../esp/esp.ts";
import { replaceEspFile } from "../esp/esp-file.ts";
import type { LoaderPlaces } from "../loader.ts";
import { CONFIG_BYTES, CONFIG_PATH, readConfig } from "./config.ts";
import { checkScratch } from "./scratch.ts";

export const SCRIPT = "/tandem/grub.cfg";

export function examineGrub(places: LoaderPlaces, esp: Esp, disk: ExaminedDisk): Finding[] {
  return [checkScript(esp), checkConfig(places, esp, disk), checkScratch(places.esp, esp)];
}

function checkScript(esp: Esp): Finding {
  const { ok, bad } = about("GRUB's script", "boot");
  const sizeBytes = esp.read(SCRIPT)?.sizeBytes ?? 0;
  if (sizeBytes > 0) return ok(`${SCRIPT} is there`);
  return bad(`${SCRIPT} is not there`, { advice: "Reinstall the boot loader." });
}

function checkConfig(
  { loaderData, loaderDataAddress, esp: place }: LoaderPlaces,
  esp: Esp,
  { slots }: ExaminedDisk,
): Finding {
  const { ok, bad } = about("GRUB's configuration", "boot");
  const values = readConfig(esp);
  const fallback = values.get("fallback") ?? "";
  const isSlot = isSlotName(fallback) && slots[fallback] !== undefined;
  const wanted = {
    control: loaderDataAddress,
    fallback: isSlot ? fallback : (loaderData.record?.good ?? "a"),
  };
  const flaws = Object.entries(wanted)
    .filter(([name, value]) => values.get(name) !== value)
    .map(([name, value]) => `${name} is "${values.get(name) ?? ""}", want "${value}"`);
  if (flaws.length === 0 && isFile(esp, CONFIG_PATH))
    return ok(
      `${CONFIG_PATH} names control partition ${loaderDataAddress} and slot ${wanted.fallback}`,
    );
  const lines = [...new Map([...values, ...Object.entries(wanted)])];
  const text = envText(lines.map(([name, value]) => envLine(name, value)));
  return bad(
    `${CONFIG_PATH} cannot be used: ${flaws.join(", ") || "a power cut left only a part of it"}`,
    {
      advice: "Run tandem doctor --fix.",
      repair: {
        what: `correct ${CONFIG_PATH}: control partition ${loaderDataAddress}`,
        run: () => replaceEspFile(place, CONFIG_PATH, text.padEnd(CONFIG_BYTES, "#")),
      },
    },
  );
}
