import type { Programs } from "../system/programs.ts";
import type { System } from "../system/system.ts";

/** In current images the first, which asks by its argv[0] what to do; the second is a link to it, or stands alone. */
const PATHS = ["/usr/bin/kairos", "/usr/bin/kairos-agent"];

/**
 * The path of Kairos' own program on the machine whose root is at `root`, seen from there. Undefined when there is none
 * that is not this program.
 */
export function findOriginal(
  { isExecutable }: Pick<System, "isExecutable">,
  { isSelf }: Pick<Programs, "isSelf">,
  root = "",
): string | undefined {
  return PATHS.find((path) => isExecutable(`${root}${path}`) && !isSelf(`${root}${path}`));
}
