/** Proves with system calls that a power cut after durable-files and replaceFile() return loses nothing. */
import { expect, test } from "bun:test";
import { lostAfter } from "../peers/recorded-files.ts";

const NOTHING = { data: [], folders: [], renamedEarly: [] };
const PRELUDE = `
  import { durableFiles } from "./src/system/durable-files.ts";
  import { replaceFile, replaceLink } from "./src/system/replace-file.ts";
  import { writeFileSync, mkdirSync } from "node:fs";
  import { flushFolder } from "./src/system/flush-folder.ts";
  const folder = process.env.FOLDER;
  const old = folder + "/old";
`;

test.each([
  ["create()", `durableFiles.create(folder + "/file", [Buffer.from("one"), Buffer.from("two")]);`],
  ["makeFolder()", `durableFiles.makeFolder(folder + "/sub");`],
  ["remove()", `durableFiles.create(old, []); durableFiles.remove(old);`],
  ["replaceFile() of what is new", `replaceFile(folder + "/file", "text", 0o644);`],
  ["replaceFile()", `replaceFile(old, "before", 0o644); replaceFile(old, "text", 0o600);`],
  ["replaceFile() in folders that it makes", `replaceFile(folder + "/a/b/file", "text", 0o644);`],
  ["replaceLink()", `replaceLink(folder + "/a/link", "target");`],
])("a cut after %s loses nothing", async (_, action) => {
  expect(await lostAfter(PRELUDE + action)).toEqual(NOTHING);
});

test("lostAfter() finds the files, names and folders of a program that flushes nothing", async () => {
  const program = `${PRELUDE} mkdirSync(folder + "/sub"); writeFileSync(folder + "/sub/file", "text");`;
  const { data, folders } = await lostAfter(program);
  expect(data).toEqual(["file"]);
  expect(folders).toContain("sub");
  expect(folders).toHaveLength(2);
});
