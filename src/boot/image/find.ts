import { assert } from "../../lib/assert.ts";
import { byteStringOf, type ByteString } from "../../lib/byte-string.ts";
import type { DirectoryNode, FileNode, TreeNode } from "../../layer/tree.ts";

/** As many symlinks as Linux follows before it answers ELOOP. */
const LINKS_MAX = 40;

export interface Found<Node extends TreeNode = TreeNode> {
  /** Absolute and free of symlinks: every loader can follow it. */
  readonly path: string;
  readonly node: Node;
}

interface Step {
  readonly name: ByteString;
  readonly node: TreeNode;
}

/** What `path` leads to with every symlink followed inside the tree, as after chroot(2). Undefined when it leads nowhere. */
export function find(root: DirectoryNode, path: string): Found | undefined {
  const todo = namesOf(byteStringOf(path));
  const steps: Step[] = [];
  let links = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "..") {
      steps.pop();
      continue;
    }
    const node = childOf(steps.at(-1)?.node ?? root, name);
    if (node?.kind !== "symlink") {
      if (node === undefined) return undefined;
      steps.push({ name, node });
      continue;
    }
    links += 1;
    if (links > LINKS_MAX) return undefined;
    if (node.target.startsWith("/")) steps.length = 0;
    todo.push(...namesOf(node.target));
  }
  return { path: pathOf(steps), node: steps.at(-1)?.node ?? root };
}

/** The same, when it leads to a regular file. */
export function findFile(root: DirectoryNode, path: string): Found<FileNode> | undefined {
  const found = find(root, path);
  return found?.node.kind === "file" ? { path: found.path, node: found.node } : undefined;
}

/** The names in the directory that `path` leads to, as bytes; none when there is no such directory. */
export function namesIn(root: DirectoryNode, path: string): readonly ByteString[] {
  const found = find(root, path);
  return found?.node.kind === "directory" ? [...found.node.children.keys()] : [];
}

/** The text of a small file. `read` gives all of its bytes. Undefined without the file. */
export function readText(
  { root, read }: { root: DirectoryNode; read: (node: FileNode) => Uint8Array },
  path: string,
  bytesMax: number,
): string | undefined {
  const found = findFile(root, path);
  if (found === undefined || found.node.sizeBytes > bytesMax) return undefined;
  const bytes = read(found.node);
  assert(bytes.byteLength === found.node.sizeBytes, `${path} was read whole`);
  return new TextDecoder().decode(bytes);
}

/** The names of a path, last one first: a stack of what is still to be walked. */
function namesOf(path: ByteString): ByteString[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- A piece of a ByteString is one.
  const names = path.split("/") as ByteString[];
  return names.filter((name) => name !== "" && name !== ".").toReversed();
}

function childOf(parent: TreeNode, name: ByteString): TreeNode | undefined {
  return parent.kind === "directory" ? parent.children.get(name) : undefined;
}

function pathOf(steps: readonly Step[]): string {
  return `/${steps.map((step) => step.name).join("/")}`;
}
