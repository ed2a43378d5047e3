import { markCounted } from "../../health/counted-mark.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";
import { waitForOthers } from "../while-locked.ts";

export const repair = defineVerb({
  name: "repair",
  description:
    "Finish what a power cut has left, and make the boot loader's files say what was decided",
  args: {},
  async run(context) {
    const { config, system } = context;
    const use = { lock: true, allowNew: true, whileLocked: waitForOthers(context) };
    // Taking the lock repairs.
    const result = await withMachine(
      context,
      { ...config, ...use },
      ({ diskPath, booted, cmdline }) => ({
        disk: diskPath,
        booted,
        counted: cmdline.counted,
      }),
    );
    if (result.counted) markCounted(system);
    print(context, result, ({ disk }) => `Nothing is left unfinished on ${disk}`);
  },
});
