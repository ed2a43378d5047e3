import { TandemError } from "../../lib/error.ts";
import { formatBytes } from "../../lib/units.ts";
import { isSlotName } from "../../slot/slot.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { verify as run } from "../../upgrade/verify.ts";
import { print } from "../context.ts";
import { defineVerb } from "../verb.ts";

export const verify = defineVerb({
  name: "verify",
  description: "Read a slot from its medium and compare it with what was written",
  args: {
    slot: {
      type: "positional",
      required: false,
      description: "a, b or recovery; the booted or good one if not named",
    },
  },
  async run(context, { slot }) {
    if (slot !== undefined && !isSlotName(slot))
      throw new TandemError(
        "usage",
        `Cannot verify slot "${slot}": want a, b, recovery, active or passive`,
      );
    const result = await withMachine(context, { ...context.config, lock: true }, (machine) =>
      run(context, machine, slot),
    );
    print(
      context,
      result,
      ({ slot: name, digest, bytesRead }) =>
        `Slot ${name} holds ${digest} as written (${formatBytes(bytesRead)} read)`,
    );
  },
});
