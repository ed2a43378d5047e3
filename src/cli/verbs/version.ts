import { buildInfo } from "../../lib/build-info.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";
import { versionText } from "../version-text.ts";

export const version = defineVerb({
  name: "version",
  description: "Print the version; --long adds the parts of the binary",
  args: { long: { type: "boolean", description: "Also the parts: git revision, Bun, C library" } },
  run(context, { long }) {
    const info = buildInfo();
    print(context, info ?? { version: "from source" }, () => versionText(info, long === true));
    return Promise.resolve();
  },
});
