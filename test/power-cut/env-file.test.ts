/** Cuts while a GRUB environment file is made and changed, as the kernel sees it afterwards and as GRUB does. */
import { expect, test } from "bun:test";
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { changeEnvFile } from "../../src/boot/grub/env-file.ts";
import { linuxMountedFiles, type MountedFiles } from "../../src/system/mounted-files.ts";
import { command, commandBytes } from "../peers/command.ts";
import { cutsOf, kernelsView, recordOnState, type StateDisk, stateDisk } from "./state-disk.ts";

const NAME = "boot_assessment";
/** None, the variables when the file is made, and after one more change. */
const STAGES = ["none", "enable=yes old=1", "enable=yes tentative=yes"] as const;

/** With the number of the stage that both have to see at least: what has returned stays. */
async function judge(disk: StateDisk, least: number): Promise<void> {
  const words = ["grub-fstest", disk.path("cut"), "cat", `(loop0)/cOS/${NAME}`] as const;
  expectStage("GRUB", await listed(disk, await commandBytes(...words).catch(() => "none")), least);
  let bytes: Uint8Array | "none" = "none";
  kernelsView(disk, ({ names }, folder) => {
    if (names.includes(NAME)) bytes = readFileSync(`${folder}/${NAME}`);
  });
  expectStage("the kernel", await listed(disk, bytes), least);
}

function expectStage(who: string, seen: string, least: number): void {
  if (STAGES.findIndex((stage) => stage === seen) < least)
    throw new Error(`${who} sees "${seen}", want at least "${STAGES[least]}"`);
}

/** What GRUB's own tool lists. */
async function listed(disk: StateDisk, bytes: Uint8Array | "none"): Promise<string> {
  if (bytes === "none") return bytes;
  if (bytes.byteLength !== 1024) return `${bytes.byteLength} bytes`;
  writeFileSync(disk.path("env"), bytes);
  const lines = await command("grub-editenv", disk.path("env"), "list").catch(String);
  return lines.trim().split("\n").join(" ");
}

async function firstFailure(files: MountedFiles): Promise<string | undefined> {
  await using disk = await stateDisk("descriptors");
  const returned: number[] = [];
  const recording = await recordOnState(disk, (folder, operations) => {
    const file = { path: `${folder}/${NAME}`, folder, files };
    for (const changes of [
      { enable: "yes", old: "1" },
      { old: undefined, tentative: "yes" },
    ]) {
      changeEnvFile(file, changes);
      returned.push(operations());
    }
  });
  let cuts = 0;
  for (const cut of cutsOf(disk, recording)) {
    cuts += 1;
    try {
      await judge(disk, returned.filter((count) => count <= cut.after).length);
    } catch (error) {
      return `cut ${cut.name}: ${String(error)}`;
    }
  }
  console.log(`environment file: ${recording.operations.length} operations, ${cuts} cuts`);
  console.log(`count: cuts ${cuts}`);
  return undefined;
}

test("each cut leaves GRUB and the kernel a whole environment file", async () => {
  expect(await firstFailure(linuxMountedFiles)).toBeUndefined();
});

test.each<[string, Partial<MountedFiles>]>([
  ["no flush", { flush: () => {} }],
  [
    "fsync",
    {
      flush(path) {
        const folder = openSync(path, "r");
        fsyncSync(folder);
        closeSync(folder);
      },
    },
  ],
])("the judge condemns a change with %s", async (name, calls) => {
  const reason = await firstFailure({ ...linuxMountedFiles, ...calls });
  console.log(`${name}: ${reason}`);
  expect(reason).toBeDefined();
});
