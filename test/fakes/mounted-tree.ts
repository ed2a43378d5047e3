/**
 * Mounted file systems in memory that compute every state which a power cut can leave for a boot loader that replays no
 * journal: of what was not flushed each change may be lost, and a write may be torn between two sectors.
 */
import { dirname } from "node:path";
import type { MountedFiles } from "../../src/system/mounted-files.ts";

export type FileTree = ReadonlyMap<string, Uint8Array>;

const SECTOR_BYTES = 512;

interface Change {
  /** The root of its file system: "/state". */
  readonly root: string;
  readonly fates: readonly string[];
  readonly make: (tree: Map<string, Uint8Array>, fate: string) => void;
}
type Event = Change | { readonly root: string; readonly flush: true };

export interface TreeCut {
  readonly name: string;
  readonly tree: FileTree;
}

export class MountedTree {
  readonly #before: FileTree;
  readonly #now: Map<string, Uint8Array>;
  readonly #folders: Set<string>;
  readonly #events: Event[] = [];

  /** The first part of a path is the root of a file system. `roots` are mounted also when they are empty. */
  constructor(tree: FileTree, roots: readonly string[] = []) {
    this.#before = copyOf(tree);
    this.#now = copyOf(tree);
    this.#folders = new Set([...roots, ...[...tree.keys()].flatMap(foldersOf)]);
  }

  get tree(): FileTree {
    return copyOf(this.#now);
  }

  get files(): MountedFiles {
    return {
      stat: (path) => {
        const bytes = this.#now.get(path);
        return bytes && { identity: path, sizeBytes: bytes.byteLength };
      },
      read: (path, offsetBytes, sizeBytes) =>
        Uint8Array.from(this.#at(path).subarray(offsetBytes, offsetBytes + sizeBytes)),
      create: (path, bytes) => {
        if (this.#now.has(path)) fail("EEXIST", path);
        if (!this.#folders.has(dirname(path))) fail("ENOENT", path);
        const content = Uint8Array.from(bytes);
        this.#do(path, ["kept", "empty", "lost"], (tree, fate) =>
          tree.set(path, fate === "empty" ? new Uint8Array() : content),
        );
      },
      write: (path, offsetBytes, bytes) => {
        if (offsetBytes + bytes.byteLength > this.#at(path).byteLength) fail("EINVAL", path);
        this.#write(path, offsetBytes, Uint8Array.from(bytes));
      },
      link: (path, to) => {
        const bytes = this.#at(path);
        this.#do(to, ["kept", "lost"], (tree) => tree.set(to, bytes));
      },
      rename: (path, to) => {
        this.#at(path);
        this.#do(to, ["kept", "lost"], (tree) => {
          const bytes = tree.get(path);
          if (bytes === undefined) return;
          tree.set(to, bytes);
          tree.delete(path);
        });
      },
      remove: (path) => {
        this.#at(path);
        this.#do(path, ["kept", "lost"], (tree) => tree.delete(path));
      },
      makeFolder: (path) => {
        this.#folders.add(path);
      },
      flush: (path) => {
        this.#events.push({ root: rootOf(path), flush: true });
      },
    };
  }

  /** Every state that a cut can leave: before, between and after the changes. */
  *cuts(): Generator<TreeCut> {
    const flushed = copyOf(this.#before);
    let pending: Change[] = [];
    for (const [index, event] of [...this.#events, undefined].entries()) {
      if (event !== undefined && !("flush" in event)) {
        pending.push(event);
        continue;
      }
      for (const fates of product(pending.map((change) => change.fates))) {
        const tree = copyOf(flushed);
        for (const [at, change] of pending.entries()) apply(change, tree, fates[at] ?? "lost");
        yield { name: `before event ${index}: ${fates.join(", ") || "all flushed"}`, tree };
      }
      if (event === undefined) return;
      for (const change of pending) if (change.root === event.root) apply(change, flushed, "kept");
      pending = pending.filter(({ root }) => root !== event.root);
    }
  }

  #at(path: string): Uint8Array {
    return this.#now.get(path) ?? fail("ENOENT", path);
  }

  #write(path: string, offsetBytes: number, bytes: Uint8Array): void {
    this.#do(path, ["kept", "first sector", "last sectors", "lost"], (tree, fate) => {
      const before = tree.get(path);
      if (before === undefined) return;
      const after = Uint8Array.from(before);
      const end = SECTOR_BYTES - (offsetBytes % SECTOR_BYTES);
      if (fate !== "last sectors") after.set(bytes.subarray(0, end), offsetBytes);
      if (fate !== "first sector") after.set(bytes.subarray(end), offsetBytes + end);
      tree.set(path, after);
    });
  }

  #do(path: string, fates: Change["fates"], make: Change["make"]): void {
    const change = { root: rootOf(path), fates, make };
    this.#events.push(change);
    make(this.#now, "kept");
  }
}

function apply(change: Change, tree: Map<string, Uint8Array>, fate: string): void {
  if (fate !== "lost") change.make(tree, fate);
}

function product([first, ...rest]: readonly (readonly string[])[]): string[][] {
  if (first === undefined) return [[]];
  return first.flatMap((fate) => product(rest).map((others) => [fate, ...others]));
}

/** slice() of a Buffer would share its bytes. */
function copyOf(tree: FileTree): Map<string, Uint8Array> {
  return new Map([...tree].map(([path, bytes]) => [path, Uint8Array.from(bytes)]));
}

function rootOf(path: string): string {
  return `/${path.split("/")[1]}`;
}

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === "/" ? [folder] : [folder, ...foldersOf(folder)];
}

/** An error as node:fs throws it. */
function fail(code: string, path: string): never {
  throw Object.assign(new Error(`${code}: ${path}`), { code, path });
}
