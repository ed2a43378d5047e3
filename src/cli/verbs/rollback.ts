import { TRIES_MAX } from "../../control/record.ts";
import { withMachine } from "../../upgrade/open-machine.ts";
import { rollback as run } from "../../upgrade/rollback.ts";
import { print } from "../context.ts";
import { count } from "../values.ts";
import { defineVerb } from "../verb.ts";

export const rollback = defineVerb({
  name: "rollback",
  description: "Go back to the other system: withdraw a trial, or try the other slot",
  args: {
    tries: {
      type: "string",
      description: "Boots for the other system without a good verdict, 1 to 10",
    },
    reboot: { type: "boolean", description: "Reboot afterwards" },
  },
  async run(context, args) {
    const { config, system } = context;
    const tries = count("--tries", args.tries, TRIES_MAX) ?? config.tries;
    const result = await withMachine(context, { ...config, lock: true }, (machine) =>
      run(machine, tries),
    );
    print(context, result, ({ slot, outcome }) =>
      outcome === "withdrawn"
        ? `The trial is withdrawn, slot ${slot} boots next`
        : `Slot ${slot} is tried at the next boot, up to ${tries} time(s)`,
    );
    if (args.reboot === true) await system.reboot();
  },
});
