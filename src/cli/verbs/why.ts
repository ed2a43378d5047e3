import { withMachine } from "../../machine/with-machine.ts";
import { whyOf } from "../../verdict/why.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";
import { whyText } from "../why-text.ts";

export const why = defineVerb({
  name: "why",
  description: "Tell why a system was given up, or an upgrade not finished, and what to do",
  args: {},
  async run(context) {
    const result = await withMachine(
      context,
      { ...context.config, lock: false, allowNew: true },
      (machine) => whyOf(machine),
    );
    print(context, result, whyText);
  },
});
