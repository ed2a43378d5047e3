import type { ByteString } from "../lib/byte-string.ts";
import { Fault } from "./fault.ts";

/**
 * PATH_MAX of Linux. It includes the final NUL, so this limit is one byte more than Linux allows; that does no harm
 * here.
 */
export const PATH_BYTES_MAX = 4096;
/** NAME_MAX of Linux, and the largest length in a directory entry of ext4. */
const COMPONENT_BYTES_MAX = 255;

/** A component that is empty, "." or "..", in a path without slashes at its ends. */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * Makes `name` relative to the root, without ".", ".." and extra slashes. "" is the root. Throws a Fault when ".."
 * leaves the root.
 */
export function cleanPath(name: ByteString): ByteString {
  const clean = cleaned(name, "refuse");
  if (clean.length > PATH_BYTES_MAX)
    throw new Fault(`its path has ${clean.length} bytes, more than ${PATH_BYTES_MAX}`);
  if (clean.length > COMPONENT_BYTES_MAX) checkComponents(clean);
  return clean;
}

/**
 * Cleans the target of a hard link like `cleanPath`, but ".." at the root stays at the root. No length limit: too long
 * a target is not found.
 */
export function cleanTarget(target: ByteString): ByteString {
  return cleaned(target, "stay");
}

/** Splits `path` into the path of its directory and its name in it. */
export function splitPath(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf("/");
  return { parent: slice(path, 0, Math.max(slash, 0)), name: slice(path, slash + 1) };
}

/** Like String.slice(): a part of a ByteString is a ByteString. */
export function slice(text: ByteString, start: number, end?: number): ByteString {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- See above.
  return text.slice(start, end) as ByteString;
}

export function components(path: ByteString): ByteString[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A part of a ByteString is one.
  return path.split("/") as ByteString[];
}

function cleaned(name: ByteString, aboveRoot: "refuse" | "stay"): ByteString {
  const start = name.startsWith("./") ? 2 : name.startsWith("/") ? 1 : 0;
  const path = slice(
    name,
    start,
    name.endsWith("/") ? Math.max(name.length - 1, start) : undefined,
  );
  if (!UNCLEAN.test(path)) return path;
  const kept: ByteString[] = [];
  for (const component of components(path)) {
    if (component === "" || component === ".") continue;
    if (component !== "..") kept.push(component);
    else if (kept.pop() === undefined && aboveRoot === "refuse")
      throw new Fault(`its path leads out of the root with ".."`);
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Joined ByteStrings are one.
  return kept.join("/") as ByteString;
}

function checkComponents(path: ByteString): void {
  for (const { length } of components(path))
    if (length > COMPONENT_BYTES_MAX)
      throw new Fault(`a name in its path has ${length} bytes, more than ${COMPONENT_BYTES_MAX}`);
}
