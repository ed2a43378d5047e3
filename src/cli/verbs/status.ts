import { withMachine } from "../../machine/with-machine.ts";
import { statusOf } from "../../verdict/status.ts";
import { print } from "../context.ts";
import { statusText } from "../status-text.ts";
import { defineVerb } from "../verb.ts";

export const status = defineVerb({
  name: "status",
  description: "Print what is in each slot, what boots next, and what happened",
  args: {},
  async run(context) {
    const { result, ending } = await withMachine(
      context,
      { ...context.config, lock: false, allowNew: true },
      (machine) => ({ result: statusOf(machine), ending: machine.loader.ending }),
    );
    print(context, result, () => statusText(result, ending));
  },
});
