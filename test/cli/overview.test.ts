import { expect, test } from "bun:test";
import { GLOBALS_HELP } from "../../src/cli/globals.ts";
import { overview } from "../../src/cli/overview.ts";
import { verbs } from "../../src/cli/verbs.ts";

const text = overview(verbs);

test("overview() lists every verb once, with its description", () => {
  for (const { name, description } of verbs) {
    const lines = text.split("\n").filter((line) => line.startsWith(`  ${name} `));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEndWith(` ${description}`);
  }
});

test("overview() lists every flag that may stand anywhere", () => {
  for (const [flag, what] of GLOBALS_HELP)
    expect(text).toMatch(new RegExp(`^  ${flag} +${RegExp.escape(what)}$`, "m"));
});

test("README.md shows each verb in an example", async () => {
  const readme = await Bun.file("README.md").text();
  for (const { name } of verbs) expect(readme).toMatch(new RegExp(`^tandem ${name}\\b`, "m"));
});
