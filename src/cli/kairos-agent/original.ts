import type { Programs } from "../../system/programs.ts";
import type { System } from "../../system/system.ts";

/** In current images the first, which asks by its argv[0] what to do; the second is a link to it, or stands alone. */
const PATHS = ["/usr/bin/kairos", "/usr/bin/kairos-agent"];

/** The path of Kairos' own program on this machine. Undefined when there is none that is not this program. */
export function findOriginal(
  { isExecutable }: Pick<System, "isExecutable">,
  { isSelf }: Pick<Programs, "isSelf">,
): string | undefined {
  return PATHS.find((path) => isExecutable(path) && !isSelf(path));
}
