import type { ByteString } from "../lib/byte-string.ts";
import type { GarbageCounter } from "../lib/garbage.ts";
import { Fault, quoted } from "../tar/fault.ts";
import type { LayerEntries, PackedEntry } from "./layer-entries.ts";
import { splitPath } from "../tar/path.ts";
import type { Attributes, DirectoryNode, TreeNode } from "./tree.ts";
import { emptyDirectory, findDirectory, findLowerDirectory, makeDirectory } from "./walk.ts";
import type { Marker } from "./whiteout.ts";

type Inode = Exclude<TreeNode, DirectoryNode>;

/** The longest chain of hard links that precede their targets in the layer. No known program writes such links. */
const LATE_LINK_PASSES_MAX = 40;
/** The most such links, because each pass tries all of them. */
const LATE_LINKS_MAX = 10_000;

/** A hard link that precedes its target, and the node that its name had at that time. */
interface LateLink {
  readonly entry: PackedEntry;
  readonly parent: DirectoryNode;
  readonly name: ByteString;
  readonly before: TreeNode | undefined;
}

interface PathMarker {
  readonly path: ByteString;
  readonly marker: Marker;
}

/**
 * Applies one layer to the tree of the layers below. All markers are applied first, wherever they stand in the layer,
 * because they affect only the layers below and not the layer's own entries.
 */
export class Replay {
  /** The entry or marker that is being applied, for messages. */
  #current: { readonly path: ByteString } | undefined;
  readonly #root: DirectoryNode;
  readonly #garbage: GarbageCounter;
  /** The nodes that the targets of hard links had before this layer. */
  readonly #lowerTargets = new Map<ByteString, Inode>();
  #lateLinks: LateLink[] = [];
  /**
   * A cache of the last entry's parent, because most entries share it with the one before. Cleared when a directory or
   * symlink is replaced.
   */
  #parentPath: ByteString | undefined;
  #parent: DirectoryNode;

  constructor(root: DirectoryNode, garbage: GarbageCounter) {
    this.#root = root;
    this.#garbage = garbage;
    this.#parent = root;
  }

  /** The path of the entry that is being applied. */
  get path(): ByteString | undefined {
    return this.#current?.path;
  }

  /** Applies the entries. It iterates twice and keeps no list of entries, because a layer may have millions. */
  run(entries: LayerEntries): void {
    const markers: PathMarker[] = [];
    for (const entry of entries.referringToLower()) {
      this.#current = entry;
      const { marker } = entry;
      if (marker === undefined) this.#rememberTarget(entry);
      else if (marker.kind !== "nothing") markers.push({ path: entry.path, marker });
    }
    if (markers.length > 0) this.#applyMarkers(markers, pathsOf(entries));
    for (const entry of entries) {
      if (entry.marker === undefined) this.#apply(entry);
      this.#garbage.add(1);
    }
    this.#applyLateLinks();
  }

  #rememberTarget(entry: PackedEntry): void {
    if (entry.kind !== "hardlink") return;
    const node = this.#nodeAt(entry.target);
    if (node !== undefined && node.kind !== "directory") this.#lowerTargets.set(entry.target, node);
  }

  /** Resolves all markers before it removes anything, because one may remove a symlink in the path of another. */
  #applyMarkers(markers: readonly PathMarker[], explicit: ReadonlySet<string>): void {
    const removals = markers.map((each) => {
      this.#current = each;
      const { marker } = each;
      if (marker.kind === "nothing") return undefined;
      const parent = findLowerDirectory(this.#root, marker.parent, explicit);
      return parent && { parent, name: marker.kind === "opaque" ? undefined : marker.name };
    });
    for (const removal of removals) {
      if (removal === undefined) continue;
      if (removal.name === undefined) removal.parent.children.clear();
      else removal.parent.children.delete(removal.name);
    }
  }

  #apply(entry: PackedEntry): void {
    this.#current = entry;
    const { name } = entry;
    if (name === "") return this.#applyRoot(entry);
    if (entry.kind === "hardlink") return this.#link(entry, name);
    const parent = this.#parentOf(entry.parent);
    const existing = parent.children.get(name);
    if (entry.kind === "directory" && existing?.kind === "directory")
      setAttributes(existing, entry);
    else this.#put(parent, name, nodeOf(entry));
  }

  #applyRoot(entry: PackedEntry): void {
    if (entry.kind !== "directory")
      throw new Fault(`it is a ${entry.kind} in the place of the root directory`);
    setAttributes(this.#root, entry);
  }

  /** Adds a hard link. The attributes are those of the target; the link's own header is ignored. */
  #link(entry: PackedEntry, name: ByteString): void {
    const target = this.#inodeAt(entry.target) ?? this.#lowerTargets.get(entry.target);
    const parent = this.#parentOf(entry.parent);
    if (target !== undefined) return this.#put(parent, name, target);
    if (this.#lateLinks.length === LATE_LINKS_MAX)
      throw new Fault(`it is one of more than ${LATE_LINKS_MAX} hard links before their targets`);
    this.#lateLinks.push({ entry, parent, name, before: parent.children.get(name) });
  }

  #applyLateLinks(): void {
    for (let pass = 0; this.#lateLinks.length > 0; pass += 1) {
      const links = this.#lateLinks;
      this.#lateLinks = links.filter((link) => !this.#applyLateLink(link));
      const first = this.#lateLinks[0];
      if (first === undefined) return;
      if (this.#lateLinks.length < links.length && pass < LATE_LINK_PASSES_MAX) continue;
      this.#current = first.entry;
      throw new Fault(`its target ${quoted(first.entry.target)} does not exist`);
    }
  }

  /** Returns whether the link is done. If a later entry of the layer has taken its name, that entry stays. */
  #applyLateLink({ entry, parent, name, before }: LateLink): boolean {
    this.#current = entry;
    if (parent.children.get(name) !== before) return true;
    const target = this.#inodeAt(entry.target);
    if (target === undefined) return false;
    this.#put(parent, name, target);
    return true;
  }

  #put(parent: DirectoryNode, name: ByteString, node: TreeNode): void {
    const kind = parent.children.get(name)?.kind;
    if (kind === "directory" || kind === "symlink") this.#parentPath = undefined;
    parent.children.set(name, node);
  }

  #parentOf(path: ByteString): DirectoryNode {
    if (path !== this.#parentPath) {
      this.#parent = makeDirectory(this.#root, path);
      this.#parentPath = path;
    }
    return this.#parent;
  }

  #inodeAt(path: ByteString): Inode | undefined {
    const node = this.#nodeAt(path);
    if (node?.kind === "directory") throw new Fault(`its target ${quoted(path)} is a directory`);
    return node;
  }

  /** Follows symlinks except at the last name. */
  #nodeAt(path: ByteString): TreeNode | undefined {
    if (path === "") return this.#root;
    const { parent, name } = splitPath(path);
    return findDirectory(this.#root, parent)?.children.get(name);
  }
}

/** Returns the paths of the layer's own entries. */
function pathsOf(entries: LayerEntries): ReadonlySet<string> {
  const paths = new Set<string>();
  for (const { path, marker } of entries) if (marker === undefined) paths.add(path);
  return paths;
}

/** Replaces all attributes, xattrs included. */
function setAttributes(node: Attributes, { mode, uid, gid, mtime, xattrs }: Attributes): void {
  node.mode = mode;
  node.uid = uid;
  node.gid = gid;
  node.mtime = mtime;
  node.xattrs = xattrs;
}

/** Uses the entry itself as the node, except for directories: a copy of each would double the memory of a merge. */
function nodeOf(entry: PackedEntry): TreeNode {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It has its kind's fields, and is no hard link.
  if (entry.kind !== "directory") return entry as unknown as TreeNode;
  const directory = emptyDirectory();
  setAttributes(directory, entry);
  return directory;
}
