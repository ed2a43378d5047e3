/**
 * Models what systemd-boot 252 does in one boot, on a FAT in memory. Its sources are the documentation and tests under
 * OVMF.
 */
import { Fat } from "../../src/fat/fat.ts";
import type { BlockFile } from "../../src/system/block-file.ts";

export interface LoaderEntry {
  readonly name: string;
  /** Undefined when the entry is not counted. */
  readonly left: number | undefined;
  readonly done: number;
  readonly lines: ReadonlyMap<string, string>;
}

const FOLDER = "/loader/entries";

/**
 * Boots once: selects an entry, counts down in its name, and returns the kernel command line. Undefined when there is
 * no entry to start.
 */
export async function bootWithSystemd(
  esp: BlockFile,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): Promise<string | undefined> {
  const fat = Fat.open(esp);
  const pattern = wordOf(textAt(fat, "/loader/loader.conf"), "default") ?? "";
  const entries = readEntries(fat).toSorted(compare);
  // When no entry matches the pattern, the first entry is used.
  const chosen = entries.find(({ name }) => matches(pattern, name)) ?? entries[0];
  if (chosen === undefined) return undefined;
  if (!readOnly) await count(fat, chosen);
  return chosen.lines.get("options");
}

function readEntries(fat: Fat): LoaderEntry[] {
  return (fat.list(FOLDER) ?? []).flatMap(({ name, isFolder }) => {
    if (isFolder || !name.toLowerCase().endsWith(".conf") || name.startsWith(".")) return [];
    const lines = linesOf(textAt(fat, `${FOLDER}/${name}`));
    const kernel = lines.get("linux");
    // systemd-boot ignores an entry without a kernel or with a missing kernel.
    if (kernel === undefined || fat.read(kernel) === undefined) return [];
    const [, left, done = "0"] = /\+(\d+)(?:-(\d+))?\.conf$/i.exec(name) ?? [];
    const counter = left === undefined ? undefined : Number(left);
    return [{ name, left: counter, done: Number(done), lines }];
  });
}

/** The order: entries without tries last; then by sort-key; then the larger version first; then the larger name. */
function compare(one: LoaderEntry, other: LoaderEntry): number {
  const key = (entry: LoaderEntry, name: string): string => entry.lines.get(name) ?? "";
  return (
    Number(one.left === 0) - Number(other.left === 0) ||
    Number(!one.lines.has("sort-key")) - Number(!other.lines.has("sort-key")) ||
    order(key(one, "sort-key"), key(other, "sort-key")) ||
    -compareVersions(key(one, "version"), key(other, "version")) ||
    -compareVersions(one.name, other.name) ||
    (other.left ?? 0) - (one.left ?? 0)
  );
}

/** Compares numbers by value and other parts by character. */
function compareVersions(one: string, other: string): number {
  const [left, right] = [one.split(/(\d+)/), other.split(/(\d+)/)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [a = "", b = ""] = [left[index], right[index]];
    const difference = index % 2 === 1 ? Number(a) - Number(b) : order(a, b);
    if (difference !== 0) return difference;
  }
  return 0;
}

function order(one: string, other: string): number {
  return Number(one > other) - Number(one < other);
}

/** "+3" becomes "+2-1". An entry without tries that is started all the same becomes "+0-4". */
async function count(fat: Fat, { name, left, done }: LoaderEntry): Promise<void> {
  if (left === undefined) return;
  const next = name.replace(/\+.*$/, `+${Math.max(left - 1, 0)}-${done + 1}.conf`);
  // Firmware does not rename to an existing name; systemd-boot boots all the same.
  if (fat.read(`${FOLDER}/${next}`) !== undefined) return;
  const bytes = Buffer.from(textAt(fat, `${FOLDER}/${name}`));
  await fat.remove(`${FOLDER}/${name}`);
  await fat.write(`${FOLDER}/${next}`, { sizeBytes: bytes.byteLength, read: () => [bytes] });
}

function matches(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll("*", ".*");
  return new RegExp(`^${source}$`, "i").test(name);
}

function linesOf(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split(/\s/)[0] ?? "", line.replace(/^\S+\s+/, "")]));
}

function wordOf(text: string, key: string): string | undefined {
  return linesOf(text).get(key);
}

function textAt(fat: Fat, path: string): string {
  const chunks = [...(fat.read(path)?.read() ?? [])].map((chunk) => Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
