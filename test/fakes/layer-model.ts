/**
 * A simple model of merging layers: a map from paths to nodes, and the rules one after another.
 */
import type { View, ViewNode } from "../fixtures/view.ts";
import { type TarMember, xattrsOfMember } from "../peers/tar.ts";

/** Maps a path to its node. Hard links are one object with several paths. The root is "". */
export type Model = Map<string, Inode>;

interface Inode {
  readonly member: TarMember;
}

const SYMLINKS_MAX = 40;
const MARKER = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** A member breaks a rule, so the layer must be refused. */
export class Refusal extends Error {
  readonly member: TarMember;

  constructor(member: TarMember) {
    super(`refused: ${member.path}`);
    this.member = member;
  }
}

export function emptyModel(): Model {
  return new Map([["", directoryNode("")]]);
}

function directoryNode(path: string): Inode {
  return { member: { path, kind: "directory", mtime: "0" } };
}

/** Applies one more layer to `model`. */
export function applyLayer(model: Model, layer: readonly TarMember[]): void {
  const lower = new Map(model);
  const explicit = new Set(layer.filter((one) => !isMarker(one)).map(({ path }) => path));
  const gone = layer.filter(isMarker).map((marker) => {
    const { parent, name } = split(marker.path);
    const place = new Walk(lower, explicit).directory(parent);
    return place === undefined ? undefined : { place, name };
  });
  for (const one of gone) if (one !== undefined) remove(model, one.place, one.name);
  for (const member of layer) if (!isMarker(member)) applyMember(model, lower, member);
}

const isMarker = ({ path }: TarMember): boolean => split(path).name.startsWith(MARKER);

function remove(model: Model, place: string, marker: string): void {
  const hidden = marker === OPAQUE ? place : join(place, marker.slice(MARKER.length));
  if (marker !== OPAQUE) model.delete(hidden);
  removeBelow(model, hidden);
}

function removeBelow(model: Model, path: string): void {
  for (const other of model.keys())
    if (other !== "" && (path === "" || other.startsWith(`${path}/`))) model.delete(other);
}

function applyMember(model: Model, lower: Model, member: TarMember): void {
  if (member.path === "") {
    model.set("", { member });
    return;
  }
  const target =
    member.kind === "hardlink" ? linked(model, lower, { member, path: member.target }) : undefined;
  const { parent, name } = split(member.path);
  const place = new Walk(model, new Set()).make(parent);
  if (place === undefined) throw new Refusal(member);
  const path = join(place, name);
  const stays = member.kind === "directory" && model.get(path)?.member.kind === "directory";
  if (target !== model.get(path) && !stays) removeBelow(model, path);
  model.set(path, target ?? { member });
}

/** Returns the target of a hard link: in the current model, or else in the model before this layer. */
function linked(
  model: Model,
  lower: Model,
  { member, path }: { readonly member: TarMember; readonly path: string },
): Inode {
  const target = nodeAt(model, path) ?? nodeAt(lower, path);
  if (target === undefined || target.member.kind === "directory") throw new Refusal(member);
  return target;
}

function nodeAt(model: Model, path: string): Inode | undefined {
  const { parent, name } = split(path);
  const place = new Walk(model, new Set()).directory(parent);
  return place === undefined ? undefined : model.get(join(place, name));
}

/**
 * Resolves a path to a directory through symlinks. The result is a path without symlinks, or undefined.
 */
class Walk {
  readonly #model: Model;
  readonly #stops: ReadonlySet<string>;
  #symlinks = 0;
  #makes = false;

  /** `stops`: symlinks at these paths are not followed. */
  constructor(model: Model, stops: ReadonlySet<string>) {
    this.#model = model;
    this.#stops = stops;
  }

  directory(path: string): string | undefined {
    let place: string | undefined = "";
    let said = "";
    for (const name of names(path)) {
      said = join(said, name);
      if (place !== undefined) place = this.#enter(place, name, said);
    }
    return place;
  }

  make(path: string): string | undefined {
    this.#makes = true;
    return this.directory(path);
  }

  #enter(place: string, name: string, said: string): string | undefined {
    if (name === "..") return split(place).parent;
    const path = join(place, name);
    const member = this.#model.get(path)?.member;
    if (member?.kind === "directory") return path;
    if (member?.kind === "symlink") return this.#follow(place, member.target, { path, said });
    if (!this.#makes) return undefined;
    this.#model.set(path, directoryNode(path));
    return path;
  }

  #follow(
    from: string,
    target: string,
    { path, said }: { readonly path: string; readonly said: string },
  ): string | undefined {
    this.#symlinks += 1;
    if (this.#symlinks > SYMLINKS_MAX || this.#stops.has(path) || this.#stops.has(said))
      return undefined;
    let place: string | undefined = target.startsWith("/") ? "" : from;
    for (const name of names(target))
      if (place !== undefined) place = this.#enter(place, name, said);
    return place;
  }
}

const names = (path: string): string[] =>
  path.split("/").filter((name) => name !== "" && name !== ".");

const join = (place: string, name: string): string => (place === "" ? name : `${place}/${name}`);

function split(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: path.slice(0, Math.max(0, slash)), name: path.slice(slash + 1) };
}

/** Converts the model to the form in which trees are compared. */
export function viewOfModel(model: Model): View {
  const paths = new Map<Inode, string[]>();
  for (const [path, node] of [...model].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    paths.set(node, [...(paths.get(node) ?? []), path]);
  return new Map(
    [...model].map(([path, node]) => [
      path === "" ? "." : path,
      viewOf(node, paths.get(node) ?? []),
    ]),
  );
}

function viewOf({ member }: Inode, paths: readonly string[]): ViewNode {
  const { kind = "file", uid = 0, gid = 0 } = member;
  const common = {
    mode: member.mode ?? (kind === "directory" ? 0o755 : kind === "symlink" ? 0o777 : 0o644),
    uid,
    gid,
    seconds: Number(member.mtime ?? "1600000000"),
    nanoseconds: 0,
    xattrs: xattrsOfMember(member),
  };
  if (kind === "directory") return { kind, ...common };
  const shared = { ...common, links: paths.length, first: paths[0] ?? "" };
  return { ...shared, ...ownOf(member) };
}

function ownOf(member: TarMember): Pick<ViewNode, "kind"> & Partial<ViewNode> {
  if (member.kind === "symlink") return { kind: "symlink", target: member.target };
  if (member.kind === "character" || member.kind === "block")
    return { kind: member.kind, major: member.major, minor: member.minor };
  if (!("data" in member)) return { kind: "fifo" };
  const data = Buffer.from(member.data);
  const sha256 = new Bun.CryptoHasher("sha256").update(data).digest("hex");
  return { kind: "file", sizeBytes: data.byteLength, sha256 };
}
