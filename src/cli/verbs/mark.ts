import { TandemError } from "../../lib/error.ts";
import { isSlotName } from "../../slot/slot.ts";
import { markBad, markGood } from "../../verdict/mark.ts";
import { withMachine } from "../../machine/with-machine.ts";
import { print } from "../context.ts";
import { endWatch } from "../end-watch.ts";
import { defineVerb } from "../verb.ts";

export const mark = defineVerb({
  name: "mark",
  description:
    "Give the verdict by hand: mark good keeps the booted slot, mark bad [SLOT] gives one up",
  args: {
    verdict: { type: "positional", required: true, description: "good or bad" },
    slot: {
      type: "positional",
      required: false,
      description: "The slot to give up; the booted one if not named",
    },
    reason: { type: "string", description: "The reason that tandem remembers" },
  },
  async run(context, { verdict, slot, reason = "by hand" }) {
    if (verdict !== "good" && verdict !== "bad")
      throw new TandemError("usage", `Cannot mark a slot "${verdict}": want good or bad`);
    if (slot !== undefined && !isSlotName(slot))
      throw new TandemError(
        "usage",
        `Cannot mark slot "${slot}": want a, b, recovery, active or passive`,
      );
    const { result, isBooted } = await withMachine(
      context,
      { ...context.config, lock: true },
      async (machine) => {
        const judge = verdict === "good" ? markGood : markBad;
        const done = await judge(machine, slot, reason);
        return { result: done, isBooted: done.slot === machine.booted };
      },
    );
    print(context, result, (done) => `Slot ${done.slot} is marked ${done.verdict}`);
    if (isBooted) await endWatch(context);
  },
});
