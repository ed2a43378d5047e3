import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { refuseTarget, writeReport } from "../../src/report/write-report.ts";
import { linux } from "../../src/system/linux.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("only the owner may read the archive, and no other file is left", async () => {
  await using folder = await temporaryFolder();
  writeReport(linux, folder.in("x.tar.gz"), Buffer.from("bytes"));
  expect(readdirSync(folder.path)).toEqual(["x.tar.gz"]);
  expect(readFileSync(folder.in("x.tar.gz"), "utf8")).toBe("bytes");
  expect(statSync(folder.in("x.tar.gz")).mode & 0o777).toBe(0o600);
});

test("an existing file and a missing folder are refused", async () => {
  await using folder = await temporaryFolder();
  writeFileSync(folder.in("x"), "");
  refuseTarget(linux, folder.in("y"));
  expect(() => refuseTarget(linux, folder.in("x"))).toThrow("x: there is a file already");
  expect(() => refuseTarget(linux, folder.in("none/x"))).toThrow(
    `there is no ${folder.in("none")}`,
  );
  expect(() => refuseTarget(linux, folder.path)).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot write the report to ${folder.path}: it is a directory`,
      hint: "Name a file in it.",
    }),
  );
  expect(() => refuseTarget(linux, folder.in("x/y"))).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot write the report to ${folder.in("x/y")}: ${folder.in("x")} is not a directory`,
    }),
  );
});

test.each([
  ["ENOSPC", "no-space"],
  ["EROFS", "disk"],
  ["EACCES", "disk"],
])("%s ends with code %p and a hint to name another file", (errno, code) => {
  const cause = Object.assign(new Error(`${errno}: no`), { code: errno });
  const replaceFile = (): never => {
    throw cause;
  };
  let thrown: unknown;
  try {
    writeReport({ replaceFile }, "/x", new Uint8Array());
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code,
    message: `Cannot write the report to /x: ${errno}: no`,
    hint: expect.stringContaining("tandem report FILE"),
  });
});
