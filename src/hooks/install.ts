import { defined } from "../lib/assert.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { isFull, permissionHint } from "../system/failure.ts";
import { nameInsideRoot } from "../system/inside-root.ts";
import type { System } from "../system/system.ts";
import { type Hook, type HookFile, HOOKS } from "./hooks.ts";
import thisBoot from "./this-boot.sh" with { type: "text" };

/** The values that the configuration of a machine sets in the hooks. */
export interface HookSettings {
  readonly watchdogDevice: string;
  readonly watchdogSeconds: number;
  /** From the start of the kernel to the verdict. */
  readonly overdueSeconds: number;
}

/** Finds a hook by its name. Throws "usage" when there is none. */
export function findHook(name: string): Hook {
  const hook = HOOKS.find((one) => one.name === name);
  if (hook !== undefined) return hook;
  const known = HOOKS.map((one) => one.name).join(", ");
  throw new TandemError("usage", `Cannot find hook "${name}": there is no such hook`, {
    hint: `The hooks are ${known}.`,
  });
}

/** Returns the files of a hook with all values filled in. */
export function hookFiles(
  { files, tandem = "/usr/bin/tandem" }: Hook,
  settings: HookSettings,
): HookFile[] {
  const values: Readonly<Record<string, string>> = {
    TANDEM: tandem,
    THIS_BOOT: thisBoot.trimEnd(),
    WATCHDOG_DEVICE: settings.watchdogDevice,
    WATCHDOG_SECONDS: `${settings.watchdogSeconds}`,
    OVERDUE_SECONDS: `${settings.overdueSeconds}`,
  };
  return files.map((file) => ({
    ...file,
    text: file.text.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => defined(values[name], name)),
  }));
}

/**
 * Writes a hook into the image in the directory `root`. Returns the paths in the image. Symbolic links of the image are
 * resolved inside the image. Throws "usage" when `root` does not exist, and "disk" or "no-space".
 */
export function installHook(
  system: System,
  hook: Hook,
  { root, settings }: { readonly root: string; readonly settings: HookSettings },
): string[] {
  if (!system.files.exists(root))
    throw new TandemError("usage", `Cannot install ${hook.name} in ${root}: it does not exist`);
  const at = (path: string): string => nameInsideRoot(system, root, path);
  try {
    for (const { path, text, mode } of hookFiles(hook, settings))
      system.replaceFile(at(path), text, mode);
    for (const { path, target } of hook.links) system.replaceLink(at(path), target);
  } catch (cause) {
    throw new TandemError(
      isFull(cause) ? "no-space" : "disk",
      `Cannot install ${hook.name} in ${root}: ${reasonOf(cause)}`,
      { cause, ...permissionHint(cause) },
    );
  }
  return [...hook.files, ...hook.links].map(({ path }) => path);
}
