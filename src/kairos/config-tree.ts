import { TandemError } from "../lib/error.ts";

/** What a YAML document holds. */
export type ConfigTree =
  | null
  | boolean
  | number
  | string
  | readonly ConfigTree[]
  | { readonly [key: string]: ConfigTree };
export type ConfigMap = Readonly<Record<string, ConfigTree>>;

/** An alias of YAML repeats what it stands for, so a short document may have very many values. */
const NODES_MAX = 100_000;
const DEPTH_MAX = 100;

/** The map in a parsed document. An empty document is an empty map. Throws when it is something else. */
export function configMapOf(parsed: unknown): ConfigMap {
  // Bun gives all documents of a file. Kairos reads the first one.
  const first: unknown =
    Array.isArray(parsed) && parsed.every((part) => part instanceof Object) ? parsed[0] : parsed;
  const tree = treeOf(first, { left: NODES_MAX, depth: 0 });
  if (tree === null) return {};
  if (isMap(tree)) return tree;
  throw new Error(`it is ${kindOf(tree)}, want keys with values`);
}

function treeOf(value: unknown, budget: { left: number; readonly depth: number }): ConfigTree {
  budget.left -= 1;
  if (budget.left < 0) throw new Error(`it has more than ${NODES_MAX} values`);
  if (budget.depth > DEPTH_MAX) throw new Error(`it is deeper than ${DEPTH_MAX} levels`);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (!(value instanceof Object)) return null;
  const inner = { left: budget.left, depth: budget.depth + 1 };
  const tree = Array.isArray(value)
    ? value.map((item) => treeOf(item, inner))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, treeOf(item, inner)]));
  budget.left = inner.left;
  return tree;
}

export function isMap(tree: ConfigTree | undefined): tree is ConfigMap {
  return tree instanceof Object && !isList(tree);
}

export function isList(tree: ConfigTree | undefined): tree is readonly ConfigTree[] {
  return Array.isArray(tree);
}

/**
 * Merges two configurations in the way of Kairos: maps merge, lists of maps are joined, other lists get what they do not
 * have yet, and of two plain values the second counts. Throws "usage" when the two have values of different kinds at one
 * place.
 */
export function mergeMaps(base: ConfigMap, over: ConfigMap, path = ""): ConfigMap {
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    const place = path === "" ? key : `${path}.${key}`;
    merged.set(key, before === undefined ? value : mergeTrees(before, value, place));
  }
  return Object.fromEntries(merged);
}

function mergeTrees(base: ConfigTree, over: ConfigTree, path: string): ConfigTree {
  if (base === null) return over;
  if (over === null) return emptyLike(base);
  if (isList(base) && isList(over)) return mergeLists(base, over);
  if (isMap(base) && isMap(over)) return mergeMaps(base, over, path);
  if (kindOf(base) === kindOf(over)) return over;
  throw new TandemError(
    "usage",
    `Cannot merge the configuration at ${path}: it is ${kindOf(base)} in one file and ${kindOf(over)} in another`,
  );
}

/** The first item decides what the list holds. */
function mergeLists(base: readonly ConfigTree[], over: readonly ConfigTree[]): ConfigTree {
  return isMap(base[0]) ? [...base, ...over] : [...new Set([...base, ...over])];
}

/** A key without a value empties what an earlier file has there. */
function emptyLike(tree: ConfigTree): ConfigTree {
  if (isList(tree)) return [];
  if (isMap(tree)) return {};
  if (typeof tree === "string") return "";
  return typeof tree === "number" ? 0 : false;
}

function kindOf(tree: ConfigTree): string {
  if (isList(tree)) return "a list";
  if (isMap(tree)) return "a map";
  return tree === null ? "nothing" : `a ${typeof tree}`;
}

/** The value at a path of keys. A number in the path is a place in a list. */
export function valueAt(tree: ConfigTree, path: readonly string[]): ConfigTree | undefined {
  let value: ConfigTree | undefined = tree;
  for (const name of path) {
    if (isList(value)) value = /^\d+$/.test(name) ? value[Number(name)] : undefined;
    else value = isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}
