import type { Context } from "./context.ts";

/** The configuration as YAML, which --config takes, with where each value came from. */
export function configText({ config, origins }: Pick<Context, "config" | "origins">): string {
  return yamlOf(config, origins).join("\n");
}

/** Where a value came from: a file, a variable, a flag, or "default". */
export function originOf(origins: Context["origins"], key: string): string {
  return origins.get(key) ?? "default";
}

/** Lines of YAML: each value as JSON, which YAML takes as it is. */
function yamlOf(
  value: object,
  origins: Context["origins"],
  names: readonly string[] = [],
): string[] {
  const indent = "  ".repeat(names.length);
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const path = [...names, key];
    const head = `${indent}${/^[A-Za-z]+$/.test(key) ? key : JSON.stringify(key)}:`;
    if (isSection(inner)) return [head, ...yamlOf(inner, origins, path)];
    const line = `${head} ${JSON.stringify(inner)}  # ${originOf(origins, path.join("."))}`;
    return inner === undefined ? [] : [line];
  });
}

/** An object that has members of its own to be shown. */
export function isSection(value: unknown): value is object {
  return value instanceof Object && !Array.isArray(value) && Object.keys(value).length > 0;
}
