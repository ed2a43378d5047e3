/** The same scenarios with every boot loader: which slot is booted each time. */
import { expect, test } from "bun:test";
import type { LoaderName } from "../../src/boot/loaders.ts";
import { LOADER_NAMES } from "../fakes/loader-models.ts";
import { runScenario } from "./run-scenario.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";

type Ran = ReturnType<typeof runScenario>;
const ran = new Map<string, Ran>();

/** Each scenario runs once with each loader, for all tests. */
function runOnce(loader: LoaderName, scenario: Scenario): Ran {
  const key = `${loader}: ${scenario.name}`;
  const run = ran.get(key) ?? runScenario(loader, scenario);
  ran.set(key, run);
  return run;
}

for (const loader of LOADER_NAMES)
  test.each([...SCENARIOS])(`${loader}: $name`, async (scenario) => {
    const wanted = scenario.instead?.[loader] ?? scenario.sentences;
    expect((await runOnce(loader, scenario)).boots).toEqual([...wanted]);
  });

test.each(SCENARIOS.filter(({ instead }) => instead?.["systemd-boot"] === undefined))(
  "tandem knows the same about each boot with every loader: $name",
  async (scenario) => {
    const [first, ...others] = LOADER_NAMES;
    const { facts } = await runOnce(first ?? "grub", scenario);
    for (const other of others) expect((await runOnce(other, scenario)).facts).toEqual(facts);
  },
);
