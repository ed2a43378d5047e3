import { expect, test } from "bun:test";

import { parseAcl } from "../../src/tar/acl.ts";

const hex = (text: string): string | undefined => {
  const acl = parseAcl(text);
  return acl && Buffer.from(acl.value, "latin1").toString("hex");
};
const BASE = "0200000001000700ffffffff04000500ffffffff20000400ffffffff";
const NAMED =
  "02000000" +
  "01000600ffffffff" +
  "02000700e8030000" +
  "02000500e9030000" +
  "04000400ffffffff" +
  "0800060007000000" +
  "10000700ffffffff" +
  "20000400ffffffff";

test.each([
  ["user::rwx,group::r-x,other::r--", BASE],
  ["user::rwx\ngroup::r-x\nother::r--\n", BASE],
  ["default:user::rwx,default:group::r-x,default:other::r--", BASE],
  ["u::rwx,g::r-x,o::r--", BASE],
  ["other::r--,group::r-x #effective:r--\n# comment\nuser::rwx", BASE],
  ["user::rw-,group::r--,user:1001:r-x,user:1000:rwx,group:7:rw-,mask::rwx,other::r--", NAMED],
  [
    "user::rw-,user:lisa:rwx:1000,user:tom:r-x:1001,group::r--,group:lp:rw-:7,mask::rwx,other::r--",
    NAMED,
  ],
  ["user::rwx,user:lisa:r-x,group::r-x,mask::r-x,other::r--", undefined],
])("parseAcl(%p) is %p", (text, value) => {
  expect(hex(text)).toBe(value);
});

test.each([
  ["user:rwx", "which is malformed"],
  ["user::rwz", "which is malformed"],
  ["everyone::rwx", "which is malformed"],
  ["user:4294967295:rwx", "names the id 4294967295"],
])("parseAcl(%p) is refused: %s", (text, reason) => {
  expect(() => parseAcl(text)).toThrow(reason);
});

test.each([
  ["user::rwx,group::r-x,other::r--", 0o754, true],
  ["user::rw-,user:1:rwx,group::r--,mask::-wx,other::--x", 0o631, false],
  ["user::rw-,group::r--,mask::-w-,other::---", 0o620, false],
])("parseAcl(%p) gives the mode %i", (text, permissions, isMode) => {
  expect(parseAcl(text)).toMatchObject({ permissions, isMode });
});

test.each([
  ["", "exactly one entry for user"],
  ["user::rwx,group::r-x", "exactly one entry for other"],
  ["user::rwx,user::r--,group::r-x,other::---", "exactly one entry for user"],
  ["user::rwx,user:1:r--,group::r-x,other::---", "exactly one entry for mask"],
  ["user::rwx,group::r-x,mask::rwx,mask::rwx,other::---", "exactly one entry for mask"],
])("parseAcl(%p) is refused: %s", (text, reason) => {
  expect(() => parseAcl(text)).toThrow(reason);
});

const named = (count: number): string =>
  `user::rwx,group::r-x,mask::rwx,other::---,${"user:1:rwx,".repeat(count)}`;

test("parseAcl() accepts up to 1024 entries", () => {
  expect(hex(named(1020))).toHaveLength(2 * (4 + 1024 * 8));
  expect(() => parseAcl(named(1021))).toThrow("more than 1024 entries");
});
