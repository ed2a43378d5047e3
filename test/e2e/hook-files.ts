import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findHook, hookFiles, type HookSettings } from "../../src/hooks/install.ts";

export const SETTINGS: HookSettings = {
  watchdogDevice: "/dev/watchdog0",
  watchdogSeconds: 600,
  overdueSeconds: 20,
};

/** Returns the text of one file of a hook. */
export function hookText(name: string, path: string): string {
  const found = hookFiles(findHook(name), SETTINGS).find((file) => file.path === path);
  if (found === undefined) throw new Error(`Cannot find ${path} in hook ${name}`);
  return found.text;
}

/** Writes a hook into a folder, like `tandem hooks install`. */
export function writeHook(root: string, name: string, settings: HookSettings = SETTINGS): void {
  const hook = findHook(name);
  for (const { path, text, mode } of hookFiles(hook, settings)) {
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
    chmodSync(place, mode);
  }
  for (const { path, target } of hook.links) {
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(target, place);
  }
}
