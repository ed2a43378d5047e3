import { TRIES_MAX, type BootRecord } from "../../src/control/record.ts";
import { PARTITION_SLOTS } from "../../src/slot/slot.ts";

/** Every valid record of one generation, with small, one and large counts. */
export function recordsOf(gen: number): BootRecord[] {
  const slots = [undefined, ...PARTITION_SLOTS];
  return PARTITION_SLOTS.flatMap((good) =>
    slots.flatMap((trial) =>
      slots.flatMap((last) =>
        [0, 1, TRIES_MAX].map((limit) => {
          const tries = trial === undefined ? 0 : Math.max(1, limit);
          return { gen, good, trial, tries, limit, last };
        }),
      ),
    ),
  ).filter(
    ({ good, trial, last }) =>
      trial !== good && last !== good && (last === undefined || last !== trial),
  );
}
