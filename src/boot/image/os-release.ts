import type { DirectoryNode, FileNode } from "../../layer/tree.ts";
import { readTreeText } from "./find.ts";

/** os-release(5) has no limit of its own; real ones have 0.5 KiB. */
const BYTES_MAX = 64 * 1024;

/** What an image says it is, for people: os-release(5). */
export interface OsRelease {
  readonly id: string | undefined;
  readonly version: string | undefined;
  readonly prettyName: string | undefined;
}

/** Reads /etc/os-release, else /usr/lib/os-release, from an image's tree. Undefined when it has neither. */
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

/** Lines that are not assignments are passed over; of a name given twice the last counts, as in a shell. */
export function parseOsRelease(text: string): OsRelease {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*([A-Z][A-Z0-9_]*)=(.*)$/.exec(line);
    if (match !== null) values.set(match[1] ?? "", unquote((match[2] ?? "").trim()));
  }
  return {
    id: values.get("ID"),
    version: values.get("VERSION") ?? values.get("VERSION_ID") ?? values.get("IMAGE_VERSION"),
    prettyName: values.get("PRETTY_NAME") ?? values.get("NAME"),
  };
}

/** Shell quoting as far as os-release(5) allows it: one pair of quotes, and backslashes inside double ones. */
function unquote(text: string): string {
  if (/^'.*'$/.test(text)) return text.slice(1, -1);
  const inner = /^".*"$/.test(text) ? text.slice(1, -1) : text;
  return inner.replaceAll(/\\(.)/g, "$1");
}
