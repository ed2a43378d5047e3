import { readKairosConfig } from "../kairos/config.ts";
import { hostFolder } from "../slot/kairos/host-folder.ts";
import { findOriginal } from "../kairos/original.ts";
import { upgradeConfigOf } from "../kairos/upgrade-config.ts";
import { MiB } from "../lib/units.ts";
import type { SlotName } from "../slot/slot.ts";
import type { System } from "../system/system.ts";
import type { ImageExtras, Upgrade } from "./running.ts";

/**
 * What the configuration of Kairos asks of an upgrade, whoever calls it; `given` comes before it. Throws "usage".
 */
export function kairosWishes(
  system: System,
  given: ImageExtras,
  slot: SlotName,
): ImageExtras & Required<Pick<Upgrade, "stages">> {
  const { values } = readKairosConfig(system);
  const config = upgradeConfigOf(values);
  const { sizeMiB = 0 } = slot === "recovery" ? config.recovery : config.system;
  const hostRoot = hostFolder(system) || undefined;
  const original = findOriginal(system, system, hostRoot);
  return {
    minimumBytes: given.minimumBytes ?? sizeMiB * MiB,
    folders: given.folders ?? config.extraFolders,
    menuTitle: given.menuTitle ?? config.entryTitle,
    stages: { original, strict: values["strict"] === true, hostRoot },
  };
}
