/** The first verb after a trial has fallen need not be health: where the hooks are not installed a person upgrades. */
import { expect, test } from "bun:test";
import { withVerdict } from "../../src/control/state.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { markGood } from "../../src/verdict/mark.ts";
import { memoryMachine, memorySource } from "../fakes/machine.ts";
import type { PagedImage } from "../fakes/paged-image.ts";
import { rejection } from "../fakes/source.ts";
import { armed, upgradeTo } from "./disk.ts";

const V2 = memorySource("v2").digest;
const FALLEN_BOOT = "tandem.slot=a tandem.gen=2 tandem.fell=b tandem.why=tries";
const USED_UP = "its tries were used up without a good verdict";
const CHECKED = `${USED_UP}; last: /checks/net ended with status 1`;

/** v2 has used up its boots. Its checks have failed, when there was a chance to run them. */
async function fallen(how: "silent" | "checks"): Promise<PagedImage> {
  const image = await armed();
  const { memory } = memoryMachine(image.file());
  const at = new Date(0).toISOString();
  const verdict = { result: "bad", reason: "/checks/net ended with status 1", at } as const;
  if (how === "checks") await memory.writeState(withVerdict(memory.state, "b", verdict));
  return image;
}

test.each([
  ["silent", false, USED_UP],
  ["silent", true, USED_UP],
  ["checks", false, CHECKED],
  ["checks", true, CHECKED],
] as const)(
  "after a fall (%s) an upgrade to the same image is refused (dry run: %p)",
  async (how, dryRun, reason) => {
    const image = await fallen(how);
    const before = image.bytes();
    const machine = memoryMachine(image.file(), FALLEN_BOOT);
    expect(await rejection(upgradeTo("v2", machine, { dryRun }))).toMatchObject({
      code: "content",
      message: `Cannot upgrade to ${V2}: it was rolled back: ${reason}`,
    });
    if (dryRun) expect(image.bytes()).toEqual(before);
    else expectRecorded(image, reason);
  },
);

test.each(["silent", "checks"] as const)(
  "after a fall (%s) an upgrade to another image records the fall first",
  async (how) => {
    const image = await fallen(how);
    const report = await upgradeTo("v3", memoryMachine(image.file(), FALLEN_BOOT));
    expect(report).toMatchObject({ outcome: "upgraded", slot: "b" });
    expectRecorded(image, how === "silent" ? USED_UP : CHECKED);
    expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "a", trial: "b" });
  },
);

test("after a fall a rollback has no trial to withdraw, and records the fall", async () => {
  const image = await fallen("silent");
  const error = await rejection(rollback(memoryMachine(image.file(), FALLEN_BOOT), 3));
  expect(error).toMatchObject({
    code: "disk",
    message: `Cannot roll back to slot b: it was found bad: ${USED_UP}`,
  });
  expectRecorded(image, USED_UP);
});

test("after a fall a verdict by hand records the fall", async () => {
  const image = await fallen("silent");
  await markGood(memoryMachine(image.file(), FALLEN_BOOT), undefined, "a person said so");
  expectRecorded(image, USED_UP);
});

function expectRecorded(image: PagedImage, reason: string): void {
  const { memory, loaderData } = memoryMachine(image.file());
  expect(memory.state.falls).toMatchObject([{ slot: "b", digest: V2, reason }]);
  expect(memory.state.knownBad).toMatchObject([{ digest: V2, reason }]);
  expect(loaderData.record?.good).toBe("a");
}
