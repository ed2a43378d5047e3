/** Compares two folders, each the root of a file system, in all file attributes that a layer can set. */
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import { xattrsOf } from "./xattrs.ts";

export interface CompareOptions {
  /** Paths to ignore on both sides, such as "lost+found". */
  readonly ignore?: readonly string[];
}

/** The attributes of one file as text: "mode" → "4755". */
type Facts = ReadonlyMap<string, string>;

const KINDS = [
  ["directory", "isDirectory"],
  ["file", "isFile"],
  ["symlink", "isSymbolicLink"],
  ["character device", "isCharacterDevice"],
  ["block device", "isBlockDevice"],
  ["fifo", "isFIFO"],
] as const;

/** Returns one line for each difference, ordered by path. Empty when the trees are equal. */
export function compareTrees(
  left: string,
  right: string,
  { ignore = [] }: CompareOptions = {},
): string[] {
  const [one, other] = [treeFacts(left), treeFacts(right)];
  const paths = [...new Set([...one.keys(), ...other.keys()])].toSorted();
  return paths
    .filter((path) => !ignore.includes(path))
    .flatMap((path) => differences(path, one.get(path), other.get(path)));
}

function differences(path: string, left: Facts | undefined, right: Facts | undefined): string[] {
  if (left === undefined) return [`${path}: only on the right`];
  if (right === undefined) return [`${path}: only on the left`];
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((key) => left.get(key) !== right.get(key))
    .map((key) => `${path}: ${key} ${left.get(key) ?? "none"} ≠ ${right.get(key) ?? "none"}`);
}

/** Maps a path to its attributes. Paths are their bytes as Latin-1; the root is ".". */
function treeFacts(root: string): Map<string, Facts> {
  const facts = new Map<string, Facts>();
  const firstNames = new Map<bigint, string>();
  const visit = (path: string): void => {
    const place = Buffer.from(`${root}/${path}`, "latin1");
    const stat = lstatSync(place, { bigint: true });
    const first = firstNames.get(stat.ino) ?? path;
    firstNames.set(stat.ino, first);
    facts.set(path, new Map([...common(stat), ...xattrFacts(place), ...own(place, stat, first)]));
    if (!stat.isDirectory()) return;
    for (const name of namesIn(place)) visit(path === "." ? name : `${path}/${name}`);
  };
  visit(".");
  return facts;
}

/** Sorted, so that the first name of an inode is the same on both sides. */
function namesIn(folder: Buffer): string[] {
  return readdirSync(folder, { encoding: "buffer" })
    .map((name) => name.toString("latin1"))
    .toSorted();
}

function common(stat: BigIntStats): [string, string][] {
  const kind = KINDS.find(([, is]) => stat[is]())?.[0] ?? "socket";
  return [
    ["kind", kind],
    ["mode", (stat.mode & 0o7777n).toString(8)],
    ["owner", `${stat.uid}:${stat.gid}`],
    ["mtime", `${stat.mtimeNs}`],
  ];
}

function xattrFacts(place: Buffer): [string, string][] {
  return [...xattrsOf(place)].map(([key, value]) => [`xattr ${key}`, value]);
}

/** The attributes that only some kinds have. `first` is the first name of the inode, which hard links share. */
function own(place: Buffer, stat: BigIntStats, first: string): [string, string][] {
  if (stat.isDirectory()) return [];
  const links: [string, string][] = [
    ["same file as", first],
    ["links", `${stat.nlink}`],
  ];
  if (stat.isSymbolicLink())
    return [...links, ["target", readlinkSync(place, { encoding: "buffer" }).toString("latin1")]];
  if (stat.isFile()) return [...links, ["size", `${stat.size}`], ["content", contentHash(place)]];
  return [...links, ["device", deviceOf(stat)]];
}

/** Linux packs major and minor into one number (glibc's gnu_dev_major, gnu_dev_minor). A fifo has 0:0. */
function deviceOf({ rdev }: BigIntStats): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

function contentHash(place: Buffer): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(place)).digest("hex");
}
