import { type ByteString, byteString, bytesOf, display } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";

/** A rule that a layer breaks, said where it is found. Whoever knows layer and entry turns it into a TandemError. */
export class Fault extends Error {
  constructor(rule: string, options?: ErrorOptions) {
    super(rule, options);
    this.name = "Fault";
  }
}

/** Names come from outside and may have a megabyte: enough of one to find it by. */
const QUOTED_BYTES_MAX = 256;

export function quoted(name: ByteString): string {
  if (name.length <= QUOTED_BYTES_MAX) return `"${display(name)}"`;
  return `"${display(byteString(bytesOf(name).subarray(0, QUOTED_BYTES_MAX)))}…"`;
}

/** What the operator is told of `error`. `entry`: its path, or its number when it has no name yet. All but a Fault stays what it is. */
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
