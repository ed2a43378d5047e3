import { changeEnvFile } from "../grub/env-file.ts";
import { type KairosPlaces, onState } from "./places.ts";

/** The stock menu shows all systems with this title and words of its own, such as "(fallback)". */
export function setMenuTitle(places: KairosPlaces, title: string): void {
  changeEnvFile(onState(places, "grub_oem_env"), { default_menu_entry: title });
}
