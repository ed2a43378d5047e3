/** A third boot loader: it needs one file, test/fakes/toy-loader.ts, and one line in the table. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Loader } from "../../src/boot/loader.ts";
import { LOADERS } from "../../src/boot/loaders.ts";
import { statusText } from "../../src/cli/status-text.ts";
import { doctor, type Diagnosis } from "../../src/doctor/doctor.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { linux } from "../../src/system/linux.ts";
import type { Machine } from "../../src/machine/machine.ts";
import { withMachine } from "../../src/machine/with-machine.ts";
import { rollback } from "../../src/upgrade/rollback.ts";
import { statusOf } from "../../src/verdict/status.ts";
import { toyLoader } from "../fakes/toy-loader.ts";
import { fillEsp, newDisk } from "../fakes/whole-disk.ts";
import { upgradeTo } from "../upgrade/disk.ts";

const TABLE: readonly Loader[] = [...LOADERS, toyLoader];

const folder = mkdtempSync(join(tmpdir(), "tandem-toy-"));
const disk = join(folder, "disk.img");
beforeAll(async () => {
  const image = await newDisk();
  const program = ["/toy/program", Buffer.from("beep")] as const;
  await fillEsp(image, new Map([["/toy", undefined], program]));
  writeFileSync(disk, image.bytes());
});
afterAll(() => rmSync(folder, { recursive: true }));

const work = { system: linux, talk: SILENT, signal: new AbortController().signal };

function onDisk<T>(action: (machine: Machine) => T | Promise<T>): Promise<T> {
  return withMachine(work, { disk, loaders: TABLE, lock: true, allowNew: true }, action);
}

function examine(fix = false): Promise<Diagnosis> {
  return doctor(work, { disk, loaders: TABLE }, { fix, verify: false });
}

const linesOf = ({ findings }: Diagnosis): string[] =>
  findings.map(({ subject, text }) => `${subject}: ${text}`);

test("upgrade, status, rollback and doctor work with a loader that only a table knows", async () => {
  expect(await onDisk((machine) => upgradeTo("v1", machine))).toMatchObject({
    outcome: "installed",
    slot: "a",
  });
  expect(await onDisk((machine) => upgradeTo("v2", machine))).toMatchObject({ slot: "b" });
  const { status, text } = await onDisk((machine) => {
    const seen = statusOf(machine);
    return { status: seen, text: statusText(seen, machine.loader.ending) };
  });
  expect(status).toMatchObject({
    loader: { name: "toy", seen: "/toy/program" },
    next: { slot: "b", role: "trial" },
  });
  expect(text).toContain("loader    toy (/toy/program)");
  expect(await onDisk((machine) => rollback(machine, 3))).toMatchObject({ outcome: "withdrawn" });
  expect(linesOf(await examine())).toEqual(
    expect.arrayContaining([
      "boot loader: toy (/toy/program)",
      "Toy: it reads the boot record itself",
      "start of slot b: the boot loader can start it",
      "files of Toy: /toy/a, /toy/b",
    ]),
  );
});

test("doctor repairs what such a loader cannot start", async () => {
  await onDisk(async ({ esp }) => {
    const opened = esp.open({ write: true });
    await opened?.remove("/toy/b");
    opened?.close();
  });
  expect(linesOf(await examine())).toContain("start of slot b: /toy/b is not there");
  const { repaired } = await examine(true);
  expect(repaired).toEqual(["describe slot b to the boot loader again"]);
  expect(linesOf(await examine())).toContain("files of Toy: /toy/a, /toy/b");
});

test("a loader is closed with its machine", async () => {
  const events: string[] = [];
  const watched: Loader = {
    ...toyLoader,
    open(places, access) {
      const loader = toyLoader.open(places, access);
      return { ...loader, close: () => void events.push("closed") };
    },
  };
  await withMachine(work, { disk, loaders: [watched], lock: false }, () => events.push("used"));
  expect(events).toEqual(["used", "closed"]);
});

test("a table without it does not know the loader of the disk", async () => {
  const { findings } = await doctor(work, { disk }, { fix: false, verify: false });
  expect(findings.at(-1)).toMatchObject({
    verdict: "bad",
    text: expect.stringContaining("has neither /tandem/grub.cfg nor /loader/loader.conf"),
  });
});
