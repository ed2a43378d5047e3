import { lastLines } from "../lib/last-lines.ts";
import type { Files } from "../system/files.ts";
import { DUMPS_MAX } from "../control/state.ts";

/** Here Linux shows the dumps of kernels that have panicked: Documentation/admin-guide/pstore-blk.rst, ramoops.rst. */
const PSTORE = "/sys/fs/pstore";

interface Dump {
  readonly name: string;
  readonly text: string;
  readonly hash: string;
}

/** The hashes of all dumps. Dumps are not removed: other programs collect them. */
export function dumpHashes(files: Files): string[] {
  return readDumps(files).map(({ hash }) => hash);
}

/** The reason and the last lines of the newest dump that is not among the known ones. */
export function panicLines(files: Files, known: readonly string[]): string | undefined {
  const fresh = readDumps(files).filter(({ hash }) => !known.includes(hash));
  const newest = fresh.toSorted(compareDumps).at(-1);
  if (newest === undefined) return undefined;
  const end = lastLines(newest.text.replace(HEADER, ""));
  const reason = reasonIn(fresh);
  return reason === undefined || end.includes(reason) ? end : `${reason}\n${end}`;
}

/**
 * The line with the reason of the panic. Registers and the stack follow it, so it may be in an earlier part of the
 * dump.
 */
function reasonIn(dumps: readonly Dump[]): string | undefined {
  const lines = dumps.flatMap(({ text }) => text.split("\n"));
  return lines.findLast((line) => line.includes("Kernel panic - not syncing"));
}

/** No dumps when they cannot be read: a verdict must not fail because of them. */
function readDumps(files: Files): Dump[] {
  try {
    const names = files.list(PSTORE).filter((name) => name.startsWith("dmesg-"));
    return names.slice(-DUMPS_MAX).flatMap((name) => {
      const text = files.readText(`${PSTORE}/${name}`);
      const hash = new Bun.CryptoHasher("sha256").update(`${name}\n${text}`).digest("hex");
      return text === undefined ? [] : [{ name, text, hash: hash.slice(0, 16) }];
    });
  } catch {
    return [];
  }
}

/**
 * A panic comes after an oops. The first part of a dump has the last lines, because the kernel cuts a dump from its
 * end.
 */
function compareDumps(one: Dump, other: Dump): number {
  const [left, right] = [headerOf(one), headerOf(other)];
  if (left.isPanic !== right.isPanic) return left.isPanic ? 1 : -1;
  if (left.part !== right.part) return right.part - left.part;
  return one.name.localeCompare(other.name, "en", { numeric: true });
}

/** Parses "Panic#2 Part1". */
function headerOf({ text }: Dump): { readonly isPanic: boolean; readonly part: number } {
  const [, reason, part] = HEADER.exec(text) ?? [];
  return { isPanic: reason === "Panic", part: Number(part ?? 1) };
}

const HEADER = /^(\w+)#\d+ Part(\d+)\n/;
