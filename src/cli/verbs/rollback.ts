import { TRIES_MAX } from "../../control/record.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { rollback as run, type RollbackResult } from "../../upgrade/rollback.ts";
import { print } from "../context.ts";
import { restartMachine } from "../restart.ts";
import { count, slotNamed } from "../values.ts";
import { defineVerb } from "../verb.ts";

export const rollback = defineVerb({
  name: "rollback",
  description: "Go back to the other system: withdraw a trial, or try another slot",
  args: {
    to: {
      type: "string",
      description: "The slot to go to: a, b or recovery; the good one withdraws a trial",
    },
    tries: {
      type: "string",
      description: "Boots for the other system without a good verdict, 1 to 10",
    },
    reboot: { type: "boolean", description: "Reboot afterwards" },
  },
  async run(context, args) {
    const { config } = context;
    const tries = count("--tries", args.tries, TRIES_MAX) ?? config.tries;
    const to = slotNamed("--to", args.to);
    const result = await withMachine(context, { ...config, lock: true }, (machine) =>
      run(machine, tries, to),
    );
    print(context, result, text);
    if (args.reboot === true) await restartMachine(context, { force: false, wait: false });
  },
});

function text({ slot, outcome, tries }: RollbackResult): string {
  switch (outcome) {
    case "withdrawn":
      return `The trial is withdrawn, slot ${slot} boots next`;
    case "again":
      return `Slot ${slot} boots next, counted from the start`;
    case "armed":
      return `Slot ${slot} is tried at the next boot, up to ${tries} time(s)`;
  }
}
