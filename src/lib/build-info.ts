/**
 * What a binary was made from. scripts/build.ts defines it at compile time. It holds no time and no path, so that equal
 * sources give equal binaries.
 */
export interface BuildInfo {
  /** From package.json. */
  readonly version: string;
  /** The git commit, or undefined outside a repository. */
  readonly revision?: string;
  /** Whether the sources differed from that commit. */
  readonly modified: boolean;
  /** Bun with its own commit, like "1.4.5+a7733435c". */
  readonly bun: string;
  /** The C library inside the binary, like "Debian GLIBC 2.36-9+deb12u14". */
  readonly glibc: string;
}

declare const BUILD_INFO: BuildInfo;

/** Returns the facts about this binary, or undefined when tandem runs from its sources. */
export function buildInfo(): BuildInfo | undefined {
  return typeof BUILD_INFO === "undefined" ? undefined : BUILD_INFO;
}

/** Returns one line, like "0.1.0 (3f2a9c1d0b7e, modified)". */
export function formatVersion(info: BuildInfo | undefined): string {
  if (info === undefined) return "from source";
  const origin = [info.revision ?? "unknown revision", ...(info.modified ? ["modified"] : [])];
  return `${info.version} (${origin.join(", ")})`;
}
