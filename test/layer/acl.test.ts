import { expect, test } from "bun:test";

import { encodeAcl } from "../../src/layer/acl.ts";

const hex = (text: string): string | undefined => {
  const value = encodeAcl(text);
  return value && Buffer.from(value, "latin1").toString("hex");
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
])("encodeAcl(%p) is %p", (text, value) => {
  expect(hex(text)).toBe(value);
});

test.each([
  ["user:rwx", "means nothing"],
  ["user::rwz", "means nothing"],
  ["everyone::rwx", "means nothing"],
  ["user:4294967295:rwx", "names the id 4294967295"],
])("encodeAcl(%p) is refused: %s", (text, reason) => {
  expect(() => encodeAcl(text)).toThrow(reason);
});

test("encodeAcl() takes 1024 entries and no more", () => {
  expect(hex("user:1:rwx,".repeat(1024))).toHaveLength(2 * (4 + 1024 * 8));
  expect(() => encodeAcl("user:1:rwx,".repeat(1025))).toThrow("more than 1024 entries");
});
