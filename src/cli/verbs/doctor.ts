import { TandemError } from "../../lib/error.ts";
import { type Diagnosis, doctor as run } from "../../doctor/doctor.ts";
import { print } from "../context.ts";
import { doctorText } from "../doctor-text.ts";
import { defineVerb } from "../verb.ts";

export const doctor = defineVerb({
  name: "doctor",
  description: "Check everything that a slot needs to boot, and repair it",
  args: {
    fix: {
      type: "boolean",
      default: false,
      description: "Repair what can be repaired; without it nothing is written",
    },
    verify: {
      type: "boolean",
      default: false,
      description: "Read all of each slot and compare it with what was written",
    },
  },
  async run(context, { fix, verify }) {
    const diagnosis = await run(context, context.config, { fix, verify });
    print(context, diagnosis, doctorText);
    refuseBad(diagnosis);
  },
});

/** Sets the exit status. A bad disk counts more than a bad boot loader. */
function refuseBad({ disk, findings }: Diagnosis): void {
  const bad = findings.filter(({ verdict }) => verdict === "bad");
  const [worst] = bad.toSorted(
    (one, other) => Number(other.code === "disk") - Number(one.code === "disk"),
  );
  if (worst === undefined) return;
  const subjects = bad.map(({ subject }) => subject).join(", ");
  throw new TandemError(worst.code, `Cannot call ${disk} sound: ${subjects}`);
}
