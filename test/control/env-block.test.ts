import { expect, test } from "bun:test";
import fc from "fast-check";
import { envLine, envText, parseEnvBlock } from "../../src/control/env-block.ts";

const block = (text: string): Uint8Array => Buffer.from(text, "utf8");
const HEAD = "# GRUB Environment Block\n";

function parsed(text: string): Record<string, string> | string {
  const result = parseEnvBlock(block(text));
  return "invalid" in result ? result.invalid : Object.fromEntries(result.values);
}

test.each([
  ["no lines", HEAD, {}],
  ["padding", `${HEAD}####`, {}],
  ["lines", `${HEAD}a=1\nb=\nc=x=y\n###`, { a: "1", b: "", c: "x=y" }],
  ["a comment between lines", `${HEAD}a=1\n### \\\n##\nb=2\n`, { a: "1", b: "2" }],
  ["escapes", `${HEAD}a=1\\\\2\\\n3\\x\n`, { a: "1\\2\n3x" }],
  ["a name twice", `${HEAD}a=1\na=2\n`, { a: "2" }],
  ["UTF-8", `${HEAD}a=ü€\n`, { a: "ü€" }],
  ["an unfinished line", `${HEAD}a=1\nb=2`, "it is broken at byte 29"],
  ["a line without =", `${HEAD}a\nb=2\n`, "it is broken at byte 25"],
  ["an escape at the end", `${HEAD}a=\\`, "it is broken at byte 25"],
  ["another signature", "# GRUB Environment\n", "it does not begin as a GRUB environment block"],
  ["zeros", "\0".repeat(1024), "it is empty"],
  ["nothing", "", "it is empty"],
])("parseEnvBlock() reads a block with %s", (_, text, values) => {
  expect(parsed(text)).toEqual(values);
});

test("parseEnvBlock() undoes envLine() for any value without NUL", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (value) => {
      expect(parsed(`${envText([envLine("v", value), envLine("w", "1")])}##`)).toEqual({
        v: value,
        w: "1",
      });
    }),
  );
});

test("parseEnvBlock() ends and never throws, whatever the bytes", () => {
  const piece = fc.constantFrom("a", "=", "\n", "\\", "#", "\0", "é");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      expect(["string", "object"]).toContain(typeof parsed(HEAD + pieces.join("")));
    }),
  );
});
