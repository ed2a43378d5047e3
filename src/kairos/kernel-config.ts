import { type ConfigMap, type ConfigTree, isList, isMap, mergeMaps } from "./config-tree.ts";

/** A word of the kernel command line that names one value of the configuration. */
const ONE_VALUE = "kairos.config=";
const ADDRESS = "kairos.config_url=";
/** The older name of both. */
const EITHER = "cos.setup=";
/**
 * The keys that may stand on the kernel command line by themselves. Most words there are for others, and
 * `net.ifnames=1` must not become configuration.
 */
const PLAIN_KEYS: ReadonlySet<string> = new Set(
  [
    "install upgrade reset config_url options fail_on_bundles_errors bundles grub_options env debug strict",
    "cloud-init-paths eject-cd cosign cosign-key verify arch squash-compression squash-no-compression",
    "uki-max-entries bind-pcrs bind-public-pcrs logs",
  ].flatMap((names) => names.split(" ")),
);
/** Longer lists come from a mistake: a place in a list is a number in a key. */
const PLACE_MAX = 1000;
const PLAIN_DEPTH_MAX = 20;

/** The configuration on a kernel command line. Words that name kairos win over plain keys. */
export function kernelConfig(cmdline: string): ConfigMap {
  let plain: ConfigMap = {};
  let named: ConfigMap = {};
  for (const word of wordsOf(cmdline)) {
    if (word.startsWith(ADDRESS)) named = withAddress(named, word.slice(ADDRESS.length));
    else if (word.startsWith(ONE_VALUE))
      named = withAssignment(named, word.slice(ONE_VALUE.length));
    else if (word.startsWith(EITHER)) named = withEither(named, word.slice(EITHER.length));
    else if (isPlain(word)) plain = withAssignment(plain, word, { lists: false });
  }
  return mergeMaps(plain, named);
}

function withEither(map: ConfigMap, text: string): ConfigMap {
  return text.includes("=") ? withAssignment(map, text) : withAddress(map, text);
}

function withAddress(map: ConfigMap, address: string): ConfigMap {
  return address === "" ? map : { ...map, config_url: address };
}

function isPlain(word: string): boolean {
  return PLAIN_KEYS.has(/^[^.=]+/.exec(word)?.[0] ?? "");
}

/** Sets the value of "key=value", or "true" for a key alone. */
function withAssignment(map: ConfigMap, text: string, { lists = true } = {}): ConfigMap {
  const equals = text.indexOf("=");
  const key = equals === -1 ? text : text.slice(0, equals);
  const value = equals === -1 ? "true" : text.slice(equals + 1);
  const [first = "", ...rest] = key.split(".");
  if (first === "" || rest.length > PLAIN_DEPTH_MAX) return map;
  return { ...map, [first]: withValue(map[first], rest, { value: scalarOf(value), lists }) };
}

/** Everything on the command line is text. Only a switch can be told from it. */
function scalarOf(text: string): ConfigTree {
  return text === "true" || text === "false" ? text === "true" : text;
}

function withValue(
  tree: ConfigTree | undefined,
  [name, ...rest]: readonly string[],
  given: { readonly value: ConfigTree; readonly lists: boolean },
): ConfigTree {
  if (name === undefined) return given.value;
  if (given.lists && /^\d+$/.test(name) && Number(name) <= PLACE_MAX) {
    const list: ConfigTree[] = isList(tree) ? [...tree] : [];
    while (list.length <= Number(name)) list.push(null);
    list[Number(name)] = withValue(list[Number(name)], rest, given);
    return list;
  }
  const map = isMap(tree) ? tree : {};
  return { ...map, [name]: withValue(map[name], rest, given) };
}

/** A word ends at white space outside of quotes. The quotes are removed. */
function wordsOf(text: string): string[] {
  const words = text.match(/(?:"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"'])+/g) ?? [];
  return words.map((word) =>
    word.replaceAll(
      /"([^"]*)(?:"|$)|'([^']*)(?:'|$)/g,
      (_, double?: string, single?: string) => double ?? single ?? "",
    ),
  );
}
