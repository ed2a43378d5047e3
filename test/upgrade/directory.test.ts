/** An upgrade from a directory. */
import { afterAll, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withKnownBad } from "../../src/control/state.ts";
import { directorySource, systemDirectory } from "../fakes/directory.ts";
import { bootWithGrub } from "../fakes/grub-model.ts";
import { machineWith, wholeDisk } from "../fakes/whole-disk.ts";
import { memoryMachine } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";
import { FIRST_BOOT, installed, upgradeTo } from "./disk.ts";

const base = mkdtempSync(join(tmpdir(), "tandem-upgrade-dir-"));
afterAll(() => rmSync(base, { recursive: true }));

function directory(name: string): string {
  const path = join(base, name);
  systemDirectory(path, "v2");
  return path;
}

test("an upgrade from a directory is tried by GRUB", async () => {
  const source = await directorySource(directory("tried"));
  const image = await wholeDisk("v1", { loader: "grub" });
  const report = await upgradeTo(source, machineWith(image.file(), FIRST_BOOT));
  expect(report).toMatchObject({ outcome: "upgraded", slot: "b", version: "v2" });
  expect(bootWithGrub(image.file())).toMatchObject({ slot: "b" });
});

test("the state has the tree digest, and the same directory again is nothing to do", async () => {
  const path = directory("again");
  const image = await installed();
  const report = await upgradeTo(
    await directorySource(path),
    memoryMachine(image.file(), FIRST_BOOT),
  );
  const { memory } = memoryMachine(image.file());
  expect(memory.state.slots.b).toMatchObject({
    status: "written",
    source: `dir:${path}`,
    digest: report.digest,
  });
  const again = await directorySource(path);
  expect(await upgradeTo(again, memoryMachine(image.file(), FIRST_BOOT))).toMatchObject({
    outcome: "nothing",
    digest: report.digest,
  });
  appendFileSync(join(path, "etc/os-release"), "VARIANT=x\n");
  const other = await upgradeTo(
    await directorySource(path),
    memoryMachine(image.file(), FIRST_BOOT),
    { dryRun: true },
  );
  expect(other).toMatchObject({ outcome: "planned", slot: "b" });
  expect(other.digest).not.toBe(report.digest);
});

test("a directory that was rolled back is known to be bad, by what it holds", async () => {
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  const { digest } = await upgradeTo(await directorySource(directory("bad")), machine, {
    dryRun: true,
  });
  const bad = { digest, reason: "it hung", at: new Date(0).toISOString() };
  await machine.memory.writeState(withKnownBad(machine.memory.state, bad));
  const copy = await directorySource(directory("copy of bad"));
  expect(await rejection(upgradeTo(copy, machine))).toMatchObject({
    message: expect.stringContaining("it hung"),
  });
});

test("a directory without a kernel is refused", async () => {
  const path = directory("without kernel");
  rmSync(join(path, "boot/vmlinuz"));
  const image = await installed();
  const machine = memoryMachine(image.file(), FIRST_BOOT);
  expect(await rejection(upgradeTo(await directorySource(path), machine))).toMatchObject({
    code: "content",
    message: expect.stringContaining("vmlinuz"),
  });
  expect(memoryMachine(image.file()).loaderData.record).toMatchObject({ good: "a" });
});
