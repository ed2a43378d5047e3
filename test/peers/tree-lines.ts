/** Prints a tree in memory, and a folder of the kernel, in the same form: one line for each name. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from "node:fs";

import type { DirectoryNode, FileNode, TreeNode } from "../../src/layer/tree.ts";
import { byteStringOf, bytesOf } from "../../src/lib/byte-string.ts";
import { xattrsOf } from "./xattrs.ts";

/** Sorted by path. Paths are their bytes as Latin-1. */
export function linesOfTree(
  root: DirectoryNode,
  contentOf: (node: FileNode) => Uint8Array,
): string[] {
  const links = countLinks(root);
  const lines: string[] = [];
  const visit = (path: string, node: TreeNode): void => {
    const facts = [own(node, contentOf), owner(node), `links=${links.get(node)}`];
    lines.push([path, ...facts, ...xattrs(node)].join(" "));
    if (node.kind !== "directory") return;
    for (const [name, child] of node.children) visit(`${path}/${name}`, child);
  };
  visit("", root);
  return lines.toSorted();
}

/** `ignore`: names to leave out, also from the link count of their directory. */
export function linesOfFolder(root: string, ignore: readonly string[] = []): string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    const place = Buffer.from(`${root}${path}`, "latin1");
    const stat = lstatSync(place, { bigint: true });
    const names = stat.isDirectory() ? namesIn(place) : [];
    const ignored = names.filter((name) => ignore.includes(`${path}/${name}`));
    const links = `links=${Number(stat.nlink) - ignored.length}`;
    const facts = [ownOfPlace(place, stat), ownerOfPlace(stat), links];
    lines.push([path, ...facts, ...xattrsOfPlace(place)].join(" "));
    for (const name of names) if (!ignored.includes(name)) visit(`${path}/${name}`);
  };
  visit("");
  return lines.toSorted();
}

const hashOf = (bytes: Uint8Array): string =>
  new Bun.CryptoHasher("sha256").update(bytes).digest("hex");

function own(node: TreeNode, contentOf: (node: FileNode) => Uint8Array): string {
  switch (node.kind) {
    case "file":
      return `file ${node.sizeBytes} ${hashOf(contentOf(node))}`;
    case "symlink":
      return `symlink ${node.target}`;
    case "character":
    case "block":
      return `${node.kind} ${node.major}:${node.minor}`;
    case "directory":
    case "fifo":
      return node.kind;
  }
}

function ownOfPlace(place: Buffer, stat: BigIntStats): string {
  if (stat.isFile()) return `file ${stat.size} ${hashOf(readFileSync(place))}`;
  if (stat.isSymbolicLink())
    return `symlink ${readlinkSync(place, { encoding: "buffer" }).toString("latin1")}`;
  if (stat.isDirectory()) return "directory";
  if (stat.isFIFO()) return "fifo";
  const major = ((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & ~0xfffn);
  const minor = (stat.rdev & 0xffn) | ((stat.rdev >> 12n) & ~0xffn);
  return `${stat.isBlockDevice() ? "block" : "character"} ${major}:${minor}`;
}

function owner({ mode, uid, gid, mtime }: TreeNode): string {
  const nanoseconds = BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds);
  return `${mode.toString(8)} ${uid}:${gid} ${nanoseconds}`;
}

function ownerOfPlace({ mode, uid, gid, mtimeNs }: BigIntStats): string {
  return `${(mode & 0o7777n).toString(8)} ${uid}:${gid} ${mtimeNs}`;
}

function xattrs(node: TreeNode): string[] {
  return node.xattrs
    .map(({ name, value }) => `${name}=${Buffer.from(bytesOf(value)).toString("hex")}`)
    .toSorted();
}

function xattrsOfPlace(place: Buffer): string[] {
  return [...xattrsOf(place)].map(([name, value]) => `${name}=${value}`).toSorted();
}

function namesIn(place: Buffer): string[] {
  return readdirSync(place, { encoding: "buffer" }).map((name) => name.toString("latin1"));
}

/** ext4 counts a directory's name, its ".", and the ".." of each directory in it, up to a limit. */
function countLinks(root: DirectoryNode): Map<TreeNode, number> {
  const links = new Map<TreeNode, number>([[root, 1]]);
  const visit = (directory: DirectoryNode): void => {
    const children = [...directory.children.values()];
    const below = children.filter(({ kind }) => kind === "directory").length;
    links.set(directory, (links.get(directory) ?? 0) + 1 + below);
    for (const child of children) {
      links.set(child, (links.get(child) ?? 0) + 1);
      if (child.kind === "directory") visit(child);
    }
  };
  visit(root);
  return links;
}

/** lost+found, which every ext4 has. */
export const LOST_AND_FOUND = `/${byteStringOf("lost+found")}`;
