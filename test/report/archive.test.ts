import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { archiveOf } from "../../src/report/archive.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const AT = "2026-11-28T09:40:00.000Z";

/** Sizes around the blocks of tar: 9216 fills an archive of nanotar but for one block. */
test.each([0, 1, 512, 9215, 9216, 9217, 9728])(
  "GNU tar reads an archive with a file of %i bytes without a warning",
  async (sizeBytes) => {
    await using folder = await temporaryFolder();
    const path = folder.in("x.tar.gz");
    const text = "x".repeat(sizeBytes);
    writeFileSync(path, archiveOf("top", [{ path: "a/b.txt", text }], AT));
    const { stdout, stderr } = Bun.spawnSync(["tar", "tvzf", path, "--full-time", "--utc"]);
    expect(stderr.toString()).toBe("");
    expect(stdout.toString().trim().split(/ +/)).toEqual([
      "-rw-------",
      "0/0",
      `${sizeBytes}`,
      "2026-11-28",
      "09:40:00",
      "top/a/b.txt",
    ]);
    Bun.spawnSync(["tar", "xzf", path, "-C", folder.path]);
    expect(readFileSync(folder.in("top/a/b.txt"), "utf8")).toBe(text);
  },
);
