import type { DirectoryNode, FileNode } from "../../layer/tree.ts";
import { readTreeText } from "./find.ts";

/** os-release(5) names no limit; real files have 0.5 KiB. */
const BYTES_MAX = 64 * 1024;

/** The name and version of the system in an image: os-release(5). */
export interface OsRelease {
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly prettyName: string | undefined;
}

/** Reads /etc/os-release, or else /usr/lib/os-release. Undefined when the image has neither. */
export function readOsRelease(
  root: DirectoryNode,
  read: (node: FileNode) => Uint8Array,
): OsRelease | undefined {
  const tree = { root, read };
  const text =
    readTreeText(tree, "/etc/os-release", BYTES_MAX) ??
    readTreeText(tree, "/usr/lib/os-release", BYTES_MAX);
  return text === undefined ? undefined : parseOsRelease(text);
}

export function parseOsRelease(text: string): OsRelease {
  const values = parseAssignments(text);
  return {
    id: values.get("ID"),
    version: values.get("VERSION") ?? values.get("VERSION_ID") ?? values.get("IMAGE_VERSION"),
    prettyName: values.get("PRETTY_NAME") ?? values.get("NAME"),
  };
}

/** Lines that are not assignments are ignored. Of two assignments to one name the last counts, as in a shell. */
export function parseAssignments(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    if (match !== null) values.set(match[1] ?? "", unquote((match[2] ?? "").trim()));
  }
  return values;
}

/** Shell quoting as far as os-release(5) allows it: one pair of quotes, and backslashes inside double quotes. */
function unquote(text: string): string {
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  const inner = /^".*"$/.test(text) ? text.slice(1, -1) : text;
  return inner.replaceAll(/\\(.)/g, "$1");
}
