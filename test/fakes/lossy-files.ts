/**
 * A file system in memory that computes every state which a power cut at any point can leave, when unflushed changes
 * may be lost.
 */
import { dirname } from "node:path";
import { MiB } from "../../src/lib/units.ts";
import type { FileCalls } from "../../src/system/file-calls.ts";

/** Maps a path to a file's bytes, or to undefined for a folder. A folder precedes its content. */
export type Tree = ReadonlyMap<string, Uint8Array | undefined>;

/** The device of the file system, as in mountinfo. */
export const DEVICE = "8:1";

interface Node {
  readonly isFolder: boolean;
  /** A file's data as the program sees it. */
  bytes: Uint8Array;
}

/** A change: a name gets another node or none, or a file gets other data. */
type Change =
  | { readonly kind: "name"; readonly path: string; readonly node: Node | undefined }
  | { readonly kind: "data"; readonly node: Node; readonly bytes: Uint8Array };
interface Flush {
  readonly kind: "flush";
  readonly node: Node;
  readonly path: string;
}

/** A state after a power cut. */
export interface Loss {
  /** "before 3 of 40: name /efi/x kept, data torn". */
  readonly name: string;
  readonly tree: Tree;
}

export class LossyFiles {
  readonly #before: ReadonlyMap<string, Node>;
  readonly #now: Map<string, Node>;
  readonly #operations: { readonly change: Change | Flush; readonly moment: number }[] = [];
  readonly #moment: () => number;

  /** `moment` counts the events of another recording, so that cuts of both can be combined. */
  constructor(tree: Tree, moment: () => number) {
    this.#before = new Map([...tree].map(([path, bytes]) => [path, nodeOf(bytes)] as const));
    this.#now = new Map(this.#before);
    this.#moment = moment;
  }

  get calls(): FileCalls {
    const opened: { readonly path: string; readonly node: Node; done: number }[] = [];
    const openAs = (descriptor: number): (typeof opened)[number] =>
      opened[descriptor] ?? fail("EBADF", `${descriptor}`);
    return {
      stat: (path) => {
        const node = this.#now.get(path);
        return node && { isFolder: node.isFolder, sizeBytes: node.bytes.byteLength };
      },
      names: (path) =>
        [...this.#now.keys()]
          .filter((other) => dirname(other) === path)
          .map((other) => other.slice(path.length + 1)),
      open: (path, flags) => {
        if (flags === "wx") this.#rename(path, nodeOf(new Uint8Array()));
        return (
          opened.push({ path, node: this.#now.get(path) ?? fail("ENOENT", path), done: 0 }) - 1
        );
      },
      read(descriptor, target) {
        const file = openAs(descriptor);
        const bytes = file.node.bytes.subarray(file.done, file.done + target.byteLength);
        target.set(bytes);
        file.done += bytes.byteLength;
        return bytes.byteLength;
      },
      write: (descriptor, bytes) => {
        const { node } = openAs(descriptor);
        node.bytes = new Uint8Array(Buffer.concat([node.bytes, bytes]));
        this.#note({ kind: "data", node, bytes: node.bytes });
        return bytes.byteLength;
      },
      flush: (descriptor) => {
        const { node, path } = openAs(descriptor);
        this.#note({ kind: "flush", node, path });
      },
      dropCache() {},
      close() {},
      makeFolder: (path) => this.#rename(path, nodeOf(undefined)),
      remove: (path) => this.#rename(path, undefined),
      freeBytes: () => MiB,
      device: () => DEVICE,
    };
  }

  /** The number of calls that changed or flushed something. */
  get operations(): number {
    return this.#operations.length;
  }

  /** The moment of each of these calls. */
  get moments(): readonly number[] {
    return this.#operations.map(({ moment }) => moment);
  }

  /** Returns all states that a cut at this moment can leave: before, between and after its calls. */
  *cutsAt(moment: number): Generator<Loss> {
    const medium = new Medium(this.#before);
    for (const [after, next] of [...this.#operations, undefined].entries()) {
      if (next === undefined || next.moment >= moment)
        for (const { name, tree } of medium.outcomes())
          yield { name: `before file call ${after} of ${this.operations}: ${name}`, tree };
      if (next === undefined || next.moment > moment) return;
      medium.apply(next.change);
    }
  }

  /** Gives a path another node. */
  #rename(path: string, node: Node | undefined): void {
    if (node !== undefined && this.#now.has(path)) fail("EEXIST", path);
    if (this.#now.get(dirname(path))?.isFolder !== true) fail("ENOENT", path);
    setName(this.#now, path, node);
    this.#note({ kind: "name", path, node });
  }

  #note(change: Change | Flush): void {
    this.#operations.push({ change, moment: this.#moment() });
  }
}

/** The state that is certainly on the medium, and the changes that may be on it. */
class Medium {
  readonly #flushed: Map<string, Node>;
  readonly #data = new Map<Node, Uint8Array>();
  #pending: Change[] = [];

  constructor(before: ReadonlyMap<string, Node>) {
    this.#flushed = new Map(before);
    for (const node of before.values()) this.#data.set(node, node.bytes);
  }

  apply(operation: Change | Flush): void {
    if (operation.kind === "flush") this.#flush(operation);
    else this.#pending.push(operation);
  }

  #flush({ node, path }: Flush): void {
    const isMeant = (change: Change): boolean =>
      change.kind === "data" ? change.node === node : dirname(change.path) === path;
    for (const change of this.#pending.filter(isMeant)) make(change, this.#flushed, this.#data);
    this.#pending = this.#pending.filter((change) => !isMeant(change));
  }

  *outcomes(): Generator<Loss> {
    for (const fates of fatesOf(this.#pending)) {
      const [names, data] = [new Map(this.#flushed), new Map(this.#data)];
      for (const [index, change] of this.#pending.entries()) {
        const fate = fates[index];
        if (fate === "kept") make(change, names, data);
        else if (fate === "torn" && change.kind === "data") make(half(change), names, data);
      }
      yield { name: fates.join(", ") || "all flushed", tree: treeOf(names, data) };
    }
  }
}

type Fate = "kept" | "lost" | "torn";

/**
 * Up to this many changes are tried in all combinations. With more, each change is varied alone while the others have
 * the same fate.
 */
const ALL_FATES_MAX = 4;

function* fatesOf(pending: readonly Change[]): Generator<Fate[]> {
  if (pending.length <= ALL_FATES_MAX) {
    yield* product(pending);
    return;
  }
  for (const others of ["kept", "lost"] as const)
    for (const index of [-1, ...pending.keys()])
      for (const fate of ["kept", "lost", "torn"] as const)
        yield pending.map((_, other) => (other === index ? fate : others));
}

function product([first, ...rest]: readonly Change[]): Fate[][] {
  if (first === undefined) return [[]];
  const fates: Fate[] = first.kind === "data" ? ["kept", "lost", "torn"] : ["kept", "lost"];
  return fates.flatMap((fate) => product(rest).map((others) => [fate, ...others]));
}

function make(change: Change, names: Map<string, Node>, data: Map<Node, Uint8Array>): void {
  if (change.kind === "data") data.set(change.node, change.bytes);
  else setName(names, change.path, change.node);
}

function half(change: Extract<Change, { readonly kind: "data" }>): Change {
  return { ...change, bytes: change.bytes.subarray(0, Math.ceil(change.bytes.byteLength / 2)) };
}

function setName(names: Map<string, Node>, path: string, node: Node | undefined): void {
  if (node === undefined) names.delete(path);
  else names.set(path, node);
}

/** A name exists only if its folder exists. */
function treeOf(names: ReadonlyMap<string, Node>, data: ReadonlyMap<Node, Uint8Array>): Tree {
  const tree = new Map<string, Uint8Array | undefined>();
  for (const [path, node] of [...names].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    if (tree.size === 0 || tree.has(dirname(path)))
      tree.set(path, node.isFolder ? undefined : (data.get(node) ?? new Uint8Array()));
  return tree;
}

function nodeOf(bytes: Uint8Array | undefined): Node {
  return { isFolder: bytes === undefined, bytes: bytes ?? new Uint8Array() };
}

/** An error as node:fs throws it. */
function fail(code: string, path: string): never {
  throw Object.assign(new Error(`${code}: ${path}`), { code });
}
