import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { changeEnvFile, type EnvFile, readEnvFile } from "../../../src/boot/grub/env-file.ts";
import { linuxMountedFiles } from "../../../src/system/mounted-files.ts";
import { temporaryFolder, type TemporaryFolder } from "../../peers/temporary-folder.ts";

const SIGNATURE = "# GRUB Environment Block\n";
/** Waits for no disk. */
const unflushed = { ...linuxMountedFiles, flush: () => {} };

const envIn = (folder: TemporaryFolder): EnvFile => ({
  path: folder.in("grubenv"),
  folder: folder.path,
  files: unflushed,
});
const padded = (text: string, sizeBytes = 1024): string =>
  `${SIGNATURE}${text}`.padEnd(sizeBytes, "#");

test("changeEnvFile() keeps size, file, order and the other variables", async () => {
  await using folder = await temporaryFolder();
  const env = envIn(folder);
  writeFileSync(env.path, padded("next_entry=cos\nextra_cmdline=quiet splash\nold=1\n", 2048));
  const { ino } = statSync(env.path);
  changeEnvFile(env, { old: undefined, next_entry: "fallback", tentative: "yes" });
  expect(readFileSync(env.path, "utf8")).toBe(
    padded("next_entry=fallback\nextra_cmdline=quiet splash\ntentative=yes\n", 2048),
  );
  expect(statSync(env.path).ino).toBe(ino);
});

test("changeEnvFile() escapes as GRUB does", async () => {
  await using folder = await temporaryFolder();
  const env = envIn(folder);
  const value = String.raw`a\b` + "\nc=ü#";
  changeEnvFile(env, { value, empty: "" });
  expect([...readEnvFile(env)]).toEqual([
    ["value", value],
    ["empty", ""],
  ]);
});

test.each([
  ["missing", undefined],
  ["empty", ""],
  ["zeros", "\0".repeat(1024)],
  ["cut off within the signature", SIGNATURE.slice(0, 9)],
  ["short", `${SIGNATURE}a=1\n`],
])("changeEnvFile() makes 1024 bytes of a file that is %s", async (_, before) => {
  await using folder = await temporaryFolder();
  const env = envIn(folder);
  if (before !== undefined) writeFileSync(env.path, before);
  if (before === undefined) writeFileSync(`${env.path}.new`, "left by a power cut");
  const kept = before?.includes("a=1") === true ? "a=1\n" : "";
  changeEnvFile(env, { next_entry: "cos" });
  expect(readFileSync(env.path, "utf8")).toBe(padded(`${kept}next_entry=cos\n`));
  expect(existsSync(`${env.path}.new`)).toBe(false);
});

test.each([
  ["a line without =", padded("next_entry=cos\nnonsense\n"), "it is broken at byte 40"],
  ["another file", "menuentry x {}".padEnd(1024), "it does not begin as a GRUB environment block"],
  ["a file of a mebibyte", padded("", 2 ** 20), "it has 1048576 bytes, want at most 65536"],
])("changeEnvFile() refuses %s and leaves it alone", async (_, before, why) => {
  await using folder = await temporaryFolder();
  const env = envIn(folder);
  writeFileSync(env.path, before);
  expect(() => changeEnvFile(env, { a: "1" })).toThrow(
    `Cannot read ${env.path} as a GRUB environment file: ${why}`,
  );
  expect(() => readEnvFile(env)).toThrow(why);
  expect(readFileSync(env.path, "utf8")).toBe(before);
});

test("changeEnvFile() refuses what has no room, and a folder", async () => {
  await using folder = await temporaryFolder();
  const env = envIn(folder);
  writeFileSync(env.path, padded("a=1\n"));
  expect(() => changeEnvFile(env, { b: "x".repeat(1000) })).toThrow(
    `Cannot write ${env.path}: its variables need 1032 bytes, and it has 1024`,
  );
  expect([...readEnvFile(env)]).toEqual([["a", "1"]]);
  mkdirSync(folder.in("sub"));
  expect(() => readEnvFile({ ...env, path: folder.in("sub") })).toThrow(
    `Cannot read ${folder.in("sub")}: it is not a regular file`,
  );
});

test("changeEnvFile() says when the file reads back otherwise", async () => {
  await using folder = await temporaryFolder();
  const env = { ...envIn(folder), files: { ...unflushed, write: () => {} } };
  writeFileSync(env.path, padded("a=1\n"));
  expect(() => changeEnvFile(env, { a: "2" })).toThrow("it reads back otherwise");
});
