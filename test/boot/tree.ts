import { byteStringOf, type ByteString } from "../../src/lib/byte-string.ts";
import type { DirectoryNode, FileNode, ImageTree, TreeNode } from "../../src/layer/tree.ts";

const ATTRIBUTES = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  xattrs: [],
};

/** Path → content, or "→ target" for a symlink. */
export function image(files: Readonly<Record<string, string | Uint8Array>>): ImageTree {
  const root = directory();
  const contents = new Map<FileNode, Uint8Array>();
  for (const [path, content] of Object.entries(files)) {
    const names = path.split("/").map(byteStringOf);
    const name = names.pop() ?? byteStringOf("");
    const link = typeof content === "string" && /^→ (.*)$/.exec(content)?.[1];
    const node = typeof link === "string" ? symlink(link) : file(content);
    if (node.kind === "file") contents.set(node, Buffer.from(content));
    parent(root, names).children.set(name, node);
  }
  return {
    root,
    read: (node, bytesMax) => (contents.get(node) ?? new Uint8Array(0)).subarray(0, bytesMax),
  };
}

function parent(root: DirectoryNode, names: readonly ByteString[]): DirectoryNode {
  let at = root;
  for (const name of names) {
    const child: TreeNode = at.children.get(name) ?? directory();
    if (child.kind !== "directory") throw new Error(`Cannot put a file below ${name}`);
    at.children.set(name, child);
    at = child;
  }
  return at;
}

function directory(): DirectoryNode {
  return { kind: "directory", ...ATTRIBUTES, children: new Map() };
}

function symlink(target: string): TreeNode {
  return { kind: "symlink", ...ATTRIBUTES, target: byteStringOf(target) };
}

function file(content: string | Uint8Array): FileNode {
  return { kind: "file", ...ATTRIBUTES, sizeBytes: Buffer.byteLength(content), extents: [] };
}
