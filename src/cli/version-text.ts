import { type BuildInfo, formatVersion } from "../lib/build-info.ts";

/** The version on one line. `long` adds a line for each part that the binary was built from. */
export function versionText(info: BuildInfo | undefined, long: boolean): string {
  const line = `tandem ${formatVersion(info)}`;
  if (!long || info === undefined) return line;
  return [line, `bun    ${info.bun}`, `libc   ${info.glibc} (LGPL, see THIRD-PARTY)`].join("\n");
}
