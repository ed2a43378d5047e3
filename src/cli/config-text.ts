import type { Context } from "./context.ts";

/** The configuration as YAML for --config. A comment after each value names its origin. */
export function configText({ config, origins }: Pick<Context, "config" | "origins">): string {
  return yamlOf(config, origins).join("\n");
}

/** The origin of a value: a file, a variable, a flag, or "default". */
export function configOrigin(origins: Context["origins"], key: string): string {
  return origins.get(key) ?? "default";
}

/** Lines of YAML. Each value is written as JSON, which is valid YAML. */
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
    const line = `${head} ${JSON.stringify(inner)}  # ${configOrigin(origins, path.join("."))}`;
    return inner === undefined ? [] : [line];
  });
}

/** Whether a value is an object whose members are shown one by one. */
export function isSection(value: unknown): value is object {
  return value instanceof Object && !Array.isArray(value) && Object.keys(value).length > 0;
}
