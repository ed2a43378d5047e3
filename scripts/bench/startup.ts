/** How long a program takes to do nothing: what the runtime costs, and what tandem adds to it. */
import { measured, median } from "./measure.ts";

const RUNS = 20;

export interface Startup {
  readonly tandemSeconds: number;
  readonly emptySeconds: number;
}

/** Medians of runs that take turns. */
export async function measureStartup(
  tandem: readonly string[],
  empty: readonly string[],
): Promise<Startup> {
  const runs: Startup[] = [];
  for (let run = 0; run < RUNS; run += 1)
    runs.push({
      tandemSeconds: (await measured(...tandem, "--version")).seconds,
      emptySeconds: (await measured(...empty)).seconds,
    });
  return {
    tandemSeconds: median(runs.map(({ tandemSeconds }) => tandemSeconds)),
    emptySeconds: median(runs.map(({ emptySeconds }) => emptySeconds)),
  };
}
