import { parseAssignments } from "../../boot/image/os-release.ts";
import type { Files } from "../../system/files.ts";

export const KAIROS_RELEASE = "/etc/kairos-release";

/**
 * A value that describes the running system, by its name without "KAIROS_". Older images have names without the prefix,
 * or the values in os-release. Undefined when there is none.
 */
export function releaseValue(files: Files, name: string): string | undefined {
  return [KAIROS_RELEASE, "/etc/os-release"]
    .map((path) => parseAssignments(files.readText(path) ?? ""))
    .flatMap((values) => [values.get(`KAIROS_${name}`), values.get(name)])
    .find((value) => value !== undefined);
}
