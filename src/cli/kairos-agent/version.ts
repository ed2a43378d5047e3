import type { BuildInfo } from "../../lib/build-info.ts";

/** The version of this program in the form of the original's: "v0.3.0". */
export function agentNumber(info: BuildInfo | undefined): string {
  return `v${info?.version ?? "0.0.0"}`;
}

/**
 * What `version` prints. The multi-call program of Kairos answers by itself when `version` is the first word, with one
 * form for all flags. Behind a global flag its agent answers, with a short and a long form.
 */
export function agentVersionText(
  info: BuildInfo | undefined,
  { isFirstWord, long }: { readonly isFirstWord: boolean; readonly long: boolean },
): string {
  if (isFirstWord) return `kairos ${agentNumber(info)}\n`;
  if (!long) return `${agentNumber(info)}\n`;
  // The original names the Go version here.
  return `kairos ${agentNumber(info)}\nbun    ${info?.bun ?? "unknown"}\n`;
}

/** What `--version` prints. */
export function agentVersionFlagText(info: BuildInfo | undefined): string {
  return `kairos-agent version ${agentNumber(info)}\n`;
}
