import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const config = defineVerb({
  name: "config",
  description: "Print the configuration and where each value came from, as a file for --config",
  args: {},
  run(context) {
    const originOf = (key: string): string => context.origins.get(key) ?? "default";
    const values = flatten(context.config).map(([key, value]) => ({
      key,
      value,
      origin: originOf(key),
    }));
    print(context, { values }, () => yamlOf(context.config, originOf).join("\n"));
    return Promise.resolve();
  },
});

function flatten(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (isSection(inner)) return flatten(inner, `${prefix}${key}.`);
    return inner === undefined ? [] : [[`${prefix}${key}`, inner]];
  });
}

/** Lines of YAML: each value as JSON, which YAML takes as it is. */
function yamlOf(
  value: object,
  originOf: (key: string) => string,
  names: readonly string[] = [],
): string[] {
  const indent = "  ".repeat(names.length);
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const path = [...names, key];
    const head = `${indent}${/^[A-Za-z]+$/.test(key) ? key : JSON.stringify(key)}:`;
    if (isSection(inner)) return [head, ...yamlOf(inner, originOf, path)];
    const line = `${head} ${JSON.stringify(inner)}  # ${originOf(path.join("."))}`;
    return inner === undefined ? [] : [line];
  });
}

function isSection(value: unknown): value is object {
  return value instanceof Object && !Array.isArray(value) && Object.keys(value).length > 0;
}
