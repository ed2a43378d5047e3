import { type ByteString, byteString, bytesOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";

/** A rule that the archive breaks. The message names the rule only; `refused` adds the layer and the entry. */
export class Fault extends Error {
  constructor(rule: string, options?: ErrorOptions) {
    super(rule, options);
    this.name = "Fault";
  }
}

/** Names come from outside and may have a megabyte. This much identifies an entry. */
const QUOTED_BYTES_MAX = 256;

export function quoted(name: ByteString): string {
  if (name.length <= QUOTED_BYTES_MAX) return `"${display(name)}"`;
  return `"${display(byteString(bytesOf(name).subarray(0, QUOTED_BYTES_MAX)))}…"`;
}

/**
 * Turns a Fault into a TandemError "content" for the operator; returns other errors unchanged. `entry` is the path of
 * the member, or its number when its name is not known yet.
 */
export function refused(error: unknown, label: string, entry?: ByteString | number): unknown {
  if (!(error instanceof Fault)) return error;
  const where = entry === undefined ? "" : `entry ${nameOf(entry)}: `;
  return new TandemError("content", `Cannot unpack ${label}: ${where}${error.message}`, {
    cause: error,
  });
}

function nameOf(entry: ByteString | number): string {
  return typeof entry === "number" ? `number ${entry}` : quoted(entry === "" ? ROOT : entry);
}

const ROOT = byteString(Buffer.from("/"));
