import { buildInfo, formatVersion } from "../../lib/build-info.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const version = defineVerb({
  name: "version",
  description: "Print the version; --long tells what is inside",
  args: { long: { type: "boolean", description: "Also the parts: git revision, Bun, C library" } },
  run(context, { long }) {
    const info = buildInfo();
    print(context, info ?? { version: "from source" }, () => {
      const line = `tandem ${formatVersion(info)}`;
      if (long !== true || info === undefined) return line;
      return [line, `bun    ${info.bun}`, `libc   ${info.glibc} (LGPL, see THIRD-PARTY)`].join(
        "\n",
      );
    });
    return Promise.resolve();
  },
});
