import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { swapRecovery } from "../../../src/slot/kairos/recovery-swap.ts";
import type { MountedFiles } from "../../../src/system/mounted-files.ts";
import { temporaryFolder, type TemporaryFolder } from "../../peers/temporary-folder.ts";
import { unflushed } from "./kairos-kernel.ts";
import { fill, system } from "./systems.ts";

const OLD = system("COS_SYSTEM", 1);
const NEW = system("COS_SYSTEM", 2);
const SQUASHFS = Buffer.from("hsqs".padEnd(4096, "x"));
const CALLS = ["link", "rename", "remove", "flush"] as const;

class PowerCut extends Error {}

/** The power fails instead of the call with this number. */
function cutAt(at: number): { readonly files: MountedFiles; readonly log: string[] } {
  const log: string[] = [];
  const files = { ...unflushed };
  for (const name of CALLS)
    files[name] = (...paths: string[]): void => {
      if (log.length === at) throw new PowerCut();
      log.push([name, ...paths.map((path) => path.split("/").at(-1))].join(" "));
      Reflect.apply(unflushed[name], unflushed, paths);
    };
  return { files, log };
}

const cos = (folder: TemporaryFolder): string => folder.in("cOS");

test("swapRecovery() flushes after each step", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, { "recovery.img": OLD, "recovery.squashfs": SQUASHFS, "transition.img": NEW });
  const { files, log } = cutAt(-1);
  swapRecovery({ path: cos(folder), files });
  expect(log).toEqual([
    "flush cOS",
    "link recovery.img replaced.img",
    "flush cOS",
    "rename transition.img recovery.img",
    "flush cOS",
    "rename recovery.squashfs replaced.squashfs",
    "flush cOS",
    "flush cOS",
    "remove replaced.img",
    "remove replaced.squashfs",
    "flush cOS",
  ]);
  expect(readdirSync(cos(folder))).toEqual(["recovery.img"]);
  expect(readFileSync(`${cos(folder)}/recovery.img`).equals(NEW)).toBe(true);
});

test.each([
  ["an image", { "recovery.img": OLD }],
  ["a squashfs", { "recovery.squashfs": SQUASHFS }],
  ["both", { "recovery.img": OLD, "recovery.squashfs": SQUASHFS }],
])(
  "a cut at any step of replacing %s leaves a recovery system, and the next run ends",
  async (_, before) => {
    for (let at = 0; ; at += 1) {
      await using folder = await temporaryFolder();
      fill(folder.path, { ...before, "transition.img": NEW });
      const { files } = cutAt(at);
      let isCut = false;
      try {
        swapRecovery({ path: cos(folder), files });
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
        isCut = true;
      }
      const has = (name: string): boolean => existsSync(`${cos(folder)}/${name}`);
      expect(has("recovery.img") || has("recovery.squashfs")).toBe(true);
      if (!isCut) break;
      fill(folder.path, { "transition.img": NEW });
      swapRecovery({ path: cos(folder), files: unflushed });
      expect(readdirSync(cos(folder))).toEqual(["recovery.img"]);
    }
  },
);

test.each([
  [system("COS_ACTIVE", 1), "its label is COS_ACTIVE, want COS_SYSTEM"],
  [new Uint8Array(4096), "it has no sound ext4 superblock"],
])("swapRecovery() refuses another system", async (bytes, why) => {
  await using folder = await temporaryFolder();
  fill(folder.path, { "recovery.img": OLD, "transition.img": bytes });
  expect(() => swapRecovery({ path: cos(folder), files: unflushed })).toThrow(
    expect.objectContaining({
      code: "content",
      message: `Cannot make transition.img the recovery system: ${why}`,
    }),
  );
  expect(readFileSync(`${cos(folder)}/recovery.img`)).toEqual(Buffer.from(OLD));
});

test("swapRecovery() says that there is no new system", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path, {});
  expect(() => swapRecovery({ path: cos(folder), files: unflushed })).toThrow(
    `Cannot read ${cos(folder)}/transition.img: ENOENT`,
  );
});
