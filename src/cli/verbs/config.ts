import { configText, isSection, configOrigin } from "../config-text.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const config = defineVerb({
  name: "config",
  description: "Print the configuration and where each value came from, as a file for --config",
  args: {},
  run(context) {
    const values = flatten(context.config).map(([key, value]) => ({
      key,
      value,
      origin: configOrigin(context.origins, key),
    }));
    print(context, { values }, () => configText(context));
    return Promise.resolve();
  },
});

function flatten(value: object, prefix = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
    if (isSection(inner)) return flatten(inner, `${prefix}${key}.`);
    return inner === undefined ? [] : [[`${prefix}${key}`, inner]];
  });
}
