/** What verdicts and the state of a machine look like with --json matches schema/*.json. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { jsonOf } from "../../src/cli/context.ts";
import { verbs } from "../../src/cli/verbs.ts";
import { health } from "../../src/verdict/health.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { whyOf } from "../../src/verdict/why.ts";
import { checkedSystem, FAILED, PASSED } from "../fakes/checks.ts";
import { faults, readSchema } from "../fakes/json-schema.ts";
import { memoryMachine } from "../fakes/machine.ts";
import { armed, TRIAL_BOOT, withRecovery, workOn, upgradeTo } from "../upgrade/disk.ts";

function judge(verb: string, json: string): void {
  expect(faults(readSchema(`${verb}.json`), JSON.parse(json))).toEqual([]);
}

test("every verb has a schema, and every schema is used", () => {
  const names = readdirSync(join(import.meta.dir, "../../schema")).toSorted();
  const want = ["common", "talk", ...verbs.map(({ name }) => name)].map((name) => `${name}.json`);
  expect(names).toEqual(want.toSorted());
});

const PLAN = {
  required: ["/r"],
  wanted: ["/w"],
  checkSeconds: 60,
  deadlineSeconds: 300,
  expect: { mounted: [], noFailedUnits: false, freeSpace: {}, urls: [], tcp: [], processes: [] },
};

test.each([
  ["passes", PASSED],
  ["fails", FAILED],
])("the verdict on a boot that %s matches its schema", async (_, outcome) => {
  const system = checkedSystem({ "/r/net": outcome, "/w/printer": FAILED });
  const machine = memoryMachine((await armed()).file(), TRIAL_BOOT, system);
  judge("health", jsonOf(await health(workOn(machine), machine, PLAN)));
  judge("status", jsonOf(statusOf(machine)));
});

test("status and why in recovery match their schemas", async () => {
  const image = await withRecovery(2);
  await upgradeTo("v2", memoryMachine(image.file(), "tandem.slot=a tandem.gen=2"));
  const machine = memoryMachine(
    image.file(),
    "tandem.slot=recovery tandem.gen=3 tandem.gave_up=a:limit tandem.fell=b tandem.why=tries",
    checkedSystem({}),
  );
  judge("health", jsonOf(await health(workOn(machine), machine, PLAN)));
  judge("status", jsonOf(statusOf(machine)));
  judge("why", jsonOf(whyOf(machine)));
  judge("mark", jsonOf(await markGood(machine, undefined, "x")));
});

test("faults() finds each violation of a schema", () => {
  const mark = readSchema("mark.json");
  const good = { format: 1, slot: "a", verdict: "good", committed: true };
  expect(faults(mark, good)).toEqual([]);
  expect(faults(mark, { ...good, format: 2 })).toHaveLength(1);
  expect(faults(mark, { ...good, slot: "c" })).toHaveLength(1);
  expect(faults(mark, { ...good, committed: "yes" })).toHaveLength(1);
  expect(faults(mark, { ...good, more: 1 })).toHaveLength(1);
  const { slot: _, ...rest } = good;
  expect(faults(mark, rest)).toEqual(["$: no slot"]);
  expect(faults(mark, [])).not.toBeEmpty();
});
