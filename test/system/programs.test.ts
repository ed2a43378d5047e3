import { expect, test } from "bun:test";
import { copyFileSync, symlinkSync, writeFileSync } from "node:fs";
import { linuxPrograms } from "../../src/system/programs.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const isSelf = (path: string): boolean => linuxPrograms.isSelf(path);

test("isSelf() knows this program behind a link and as a copy", async () => {
  await using folder = await temporaryFolder();
  symlinkSync(process.execPath, folder.in("link"));
  copyFileSync(process.execPath, folder.in("copy"));
  writeFileSync(folder.in("other"), "another program");
  const paths = [process.execPath, folder.in("link"), folder.in("copy")];
  expect(paths.filter((path) => !isSelf(path))).toEqual([]);
  expect([folder.in("other"), folder.in("none")].filter(isSelf)).toEqual([]);
});

const replace = (path: string, args: readonly string[]) =>
  Bun.spawnSync(
    [
      process.execPath,
      "-e",
      `import { linuxPrograms } from "./src/system/programs.ts";
       try {
         linuxPrograms.replaceSelf({ path: process.argv[1], name: "another name", args: process.argv.slice(2) });
       } catch (error) {
         console.log(error.message);
       }`,
      path,
      ...args,
    ],
    { env: { A: "ä b", B: "" } },
  );

test("replaceSelf() gives name, arguments and environment, and the status comes back", () => {
  const script = 'tr "\\0" "|" < /proc/$$/cmdline; echo "$A,${B-unset}"; exit 42';
  const { stdout, exitCode } = replace("/bin/sh", ["-c", script, "ü", ""]);
  expect(stdout.toString()).toBe(`another name|-c|${script}|ü||ä b,\n`);
  expect(exitCode).toBe(42);
});

test("replaceSelf() throws when there is no such program", () => {
  expect(replace("/none", []).stdout.toString()).toBe("ENOENT: execve failed\n");
});
