import { basename } from "node:path";
import type { System } from "../system/system.ts";

const CONFIGURATION = "/etc/greenboot/greenboot.conf";

/**
 * The checks that DISABLED_HEALTHCHECKS of greenboot's configuration takes away, by the names of their files: an array of bash, or a list
 * in brackets. It is read, never run.
 */
export function disabledChecks({ files }: System): ReadonlySet<string> {
  const text = (files.readText(CONFIGURATION) ?? "").replaceAll(/^\s*#.*$/gm, "");
  const lists = [...text.matchAll(/^\s*DISABLED_HEALTHCHECKS=[([]([^)\]]*)[)\]]/gm)];
  return new Set((lists.at(-1)?.[1] ?? "").match(/[^\s"',]+/g));
}

/** Whether that list takes this check away: it holds for greenboot's own folders only. */
export function isDisabled(path: string, disabled: ReadonlySet<string>): boolean {
  return path.includes("/greenboot/check/") && disabled.has(basename(path));
}
