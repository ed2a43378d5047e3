import { readKairosConfig } from "../../kairos/config.ts";
import { type ConfigTree, isList, isMap, valueAt } from "../../kairos/config-tree.ts";
import { yamlOf } from "../../kairos/lifecycle.ts";
import { type AgentVerb, printed } from "./agent-answer.ts";
import { parseGoFlags } from "./go-flags.ts";

/** `config` prints the merged configuration, `config get KEY` a part of it. */
export const config: AgentVerb = ({ system }, { words }) => {
  const [subcommand, key = ""] = parseGoFlags(words, {}).rest;
  const { values, sources } = readKairosConfig(system);
  // Only the original fetches what stands there.
  if (typeof values["config_url"] === "string") return undefined;
  if (subcommand === undefined) {
    const from = sources.map((source) => `# - ${source}\n`).join("");
    const head = from === "" ? "" : `# Sources:\n${from}\n`;
    return printed(`#cloud-config\n\n${head}${yamlOf(sorted(values))}`);
  }
  const path = pathOf(key);
  if (!["get", "g"].includes(subcommand) || path === undefined) return undefined;
  const value = valueAt(values, path);
  return printed(value === undefined || value === null ? "" : textOf(value));
};

/** Scripts use a text as it is: it is quoted only where YAML would read it otherwise. */
function textOf(value: ConfigTree): string {
  return typeof value === "string" && readsBack(value) ? `${value}\n` : yamlOf(sorted(value));
}

function readsBack(text: string): boolean {
  try {
    return Bun.YAML.parse(text) === text;
  } catch {
    return false;
  }
}

/** The names in "k3s.args[0]". Undefined for a text that is a program for jq. */
function pathOf(key: string): readonly string[] | undefined {
  if (key === "") return [];
  if (!/^\w+(?:\.\w+|\[\d+\])*$/.test(key)) return undefined;
  return key.split(/[.[\]]+/).filter((name) => name !== "");
}

/** The original sorts keys. */
function sorted(tree: ConfigTree): ConfigTree {
  if (isList(tree)) return tree.map((item) => sorted(item));
  if (!isMap(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, value]) => [key, sorted(value)]),
  );
}
