import { type ByteString, byteStringOf } from "../lib/byte-string.ts";
import { TandemError } from "../lib/error.ts";

/** Paths that are left out of a folder, each with all that lies below it. */
export class Exclusions {
  readonly #texts: ReadonlyMap<ByteString, string>;
  readonly #skipped: ReadonlySet<ByteString>;
  readonly #seen = new Set<ByteString>();

  /**
   * `texts`: "/var/log", "var/log" or "var/log/". `skipped` are paths of the same form that need not be there. Throws
   * "usage" for a text that names no path below the folder.
   */
  constructor(texts: readonly string[], skipped: readonly string[] = []) {
    this.#texts = new Map(texts.map((text) => [pathBelow(text), text]));
    this.#skipped = new Set(skipped.map(pathBelow));
  }

  /** Whether paths are left out because a running system or a container has made them. */
  get hasSkipped(): boolean {
    return this.#skipped.size > 0;
  }

  /** Whether `path` itself is to be left out. */
  has(path: ByteString): boolean {
    if (this.#texts.has(path)) this.#seen.add(path);
    return this.#texts.has(path) || this.#skipped.has(path);
  }

  /** The texts whose path has() was never asked for: nothing lies there. */
  unseen(): readonly string[] {
    return [...this.#texts].filter(([path]) => !this.#seen.has(path)).map(([, text]) => text);
  }
}

/** The names of a path, joined by "/". Throws "usage" for a text that names no path below the folder. */
export function pathBelow(text: string): ByteString {
  const names = text.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length > 0 && !names.includes("..")) return byteStringOf(names.join("/"));
  throw new TandemError("usage", `Cannot exclude "${text}": it is no path below the folder`, {
    hint: "Write the path as it is in the new system, such as --exclude /var/log.",
  });
}
