import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const config = defineVerb({
  name: "config",
  description: "Print the configuration and where each value came from",
  args: {},
  run(context) {
    const rows = flatten(context.config).map(([key, value]) => ({
      key,
      value,
      origin: context.origins.get(key) ?? "default",
    }));
    print(context, rows, (all) =>
      all
        .map(({ key, value, origin }) => `${key}: ${JSON.stringify(value)}  # ${origin}`)
        .join("\n"),
    );
    return Promise.resolve();
  },
});

function flatten(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (inner instanceof Object && !Array.isArray(inner)) return flatten(inner, `${prefix}${key}.`);
    return inner === undefined ? [] : [[`${prefix}${key}`, inner]];
  });
}
