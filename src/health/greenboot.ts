import { basename } from "node:path";
import type { System } from "../system/system.ts";

const CONFIGURATION = "/etc/greenboot/greenboot.conf";

/**
 * Returns the file names of the checks that DISABLED_HEALTHCHECKS in greenboot's configuration disables. The value is a
 * bash array or a list in brackets. tandem parses the file and does not run it.
 */
export function disabledChecks({ files }: System): ReadonlySet<string> {
  const text = (files.readText(CONFIGURATION) ?? "").replaceAll(/^\s*#.*$/gm, "");
  const lists = [...text.matchAll(/^\s*DISABLED_HEALTHCHECKS=[([]([^)\]]*)[)\]]/gm)];
  return new Set((lists.at(-1)?.[1] ?? "").match(/[^\s"',]+/g));
}

/** Whether the list disables this check. It applies only to greenboot's own folders. */
export function isDisabled(path: string, disabled: ReadonlySet<string>): boolean {
  return path.includes("/greenboot/check/") && disabled.has(basename(path));
}
