import { expect, test } from "bun:test";
import { encodeAcl } from "../../src/ext4/acl.ts";
import { byteString } from "../../src/lib/byte-string.ts";

const hex = (text: string): ReturnType<typeof byteString> => byteString(Uint8Array.fromHex(text));

test("encodeAcl() keeps ids only for named users and groups", () => {
  const owner = "01000600ffffffff";
  const user = "02000700e8030000";
  const group = "04000500ffffffff";
  const namedGroup = "08000400d0070000";
  const mask = "10000700ffffffff";
  const other = "20000400ffffffff";
  const value = hex(`02000000${owner}${user}${group}${namedGroup}${mask}${other}`);
  const want = `0100000001000600${user}04000500${namedGroup}1000070020000400`;
  expect(encodeAcl(value)).toBe(hex(want));
});

test.each([
  ["nothing", ""],
  ["half an entry", "0200000001000600"],
  ["another version", "0100000001000600ffffffff"],
])("encodeAcl() of %s is undefined", (_, value) => {
  expect(encodeAcl(hex(value))).toBeUndefined();
});
