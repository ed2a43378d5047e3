import { expect, test } from "bun:test";

import { Extended } from "../../src/tar/extended.ts";
import { pathOf } from "../fixtures/view.ts";

function extended(...records: [string, string][]): Extended {
  const result = new Extended();
  for (const [key, value] of records) result.set(pathOf(key), pathOf(value));
  return result;
}

test.each<[string, string, Partial<Extended>]>([
  ["path", "a/b", { path: pathOf("a/b") }],
  ["linkpath", "c", { linkPath: pathOf("c") }],
  ["uid", "3000000", { uid: 3_000_000 }],
  ["gid", "4294967294", { gid: 4_294_967_294 }],
  ["size", "8589934592", { sizeBytes: 8_589_934_592 }],
  ["mtime", "-5.25", { mtime: { seconds: -6, nanoseconds: 750_000_000 } }],
  ["SCHILY.devmajor", "259", { major: 259 }],
  ["SCHILY.devminor", "65536", { minor: 65_536 }],
  ["GNU.sparse.name", "s", { sparseName: pathOf("s") }],
  ["path", "", { path: undefined }],
  ["atime", "no number", {}],
  ["uname", "root", {}],
])("Extended.set(%p, %p)", (key, value, fields) => {
  expect(extended([key, value])).toMatchObject(fields);
});

test.each<[string, string, string, string]>([
  ["SCHILY.xattr.user.a", "b\0\xff=", "user.a", "b\0\xff="],
  ["SCHILY.xattr.user.empty", "", "user.empty", ""],
  ["LIBARCHIVE.xattr.user.k%3D1%25", "AP92", "user.k=1%", "\0\xffv"],
  ["LIBARCHIVE.xattr.user.a", "YQ", "user.a", "a"],
  ["LIBARCHIVE.xattr.user.a", "YQ==", "user.a", "a"],
  ["RHT.security.selinux", "a:b:c", "security.selinux", "a:b:c\0"],
])("Extended.set(%p, %p) is the xattr %p", (...[key, value, name, content]) => {
  expect([...extended([key, value]).xattrs]).toEqual([[pathOf(name), pathOf(content)]]);
});

test("Extended.set() replaces an xattr of the same name", () => {
  const { xattrs } = extended(["LIBARCHIVE.xattr.user.a", "YQ"], ["SCHILY.xattr.user.a", "b"]);
  expect([...xattrs]).toEqual([[pathOf("user.a"), pathOf("b")]]);
});

const MINIMAL = "user::r--,group::---,other::---";
const ENTRIES =
  "\x01\0\x04\0\xff\xff\xff\xff\x04\0\0\0\xff\xff\xff\xff\x10\0\x07\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";

test.each<[string, string, number | undefined, [string, string][]]>([
  [
    "SCHILY.acl.access",
    `${MINIMAL},mask::rwx`,
    0o470,
    [["system.posix_acl_access", `\x02\0\0\0${ENTRIES}`]],
  ],
  [
    "SCHILY.acl.default",
    `${MINIMAL},mask::rwx`,
    undefined,
    [["system.posix_acl_default", `\x02\0\0\0${ENTRIES}`]],
  ],
  ["SCHILY.acl.access", MINIMAL, 0o400, []],
])(
  "Extended.set(%p, %p) gives the mode %p and an xattr",
  (...[key, value, permissions, xattrs]) => {
    const result = extended([key, value]);
    expect(result.permissions).toBe(permissions);
    expect([...result.xattrs]).toEqual(xattrs as never);
  },
);

test("Extended.set() leaves out an ACL with user names, and warns", () => {
  const { xattrs, warnings } = extended(["SCHILY.acl.access", "user:lisa:rwx"]);
  expect(xattrs.size).toBe(0);
  expect(warnings).toEqual(['its ACL "user:lisa:rwx" names users without numbers and is left out']);
});

test.each([
  ["uid", "root", "PAX uid"],
  ["size", "1.5", "PAX size"],
  ["mtime", "now", "PAX time"],
  ["SCHILY.xattr.", "v", "name of 0 bytes"],
  [`SCHILY.xattr.user.${"n".repeat(251)}`, "v", "name of 256 bytes"],
  ["LIBARCHIVE.xattr.user.a", "?", "base64"],
  ["GNU.sparse.numbytes", "1", "size without an offset"],
])("Extended.set(%p, %p) is refused: %s", (key, value, reason) => {
  expect(() => extended([key, value])).toThrow(reason);
});

test("Extended.set() accepts xattrs up to 65,536 bytes", () => {
  expect(extended(["SCHILY.xattr.user.a", "v".repeat(65_536)]).xattrs.size).toBe(1);
  expect(() => extended(["SCHILY.xattr.user.a", "v".repeat(65_537)])).toThrow("more than 65536");
});

test("Extended.set() refuses a sparse size without an offset", () => {
  expect(() => extended(["GNU.sparse.offset", "0"], ["GNU.sparse.offset", "1"])).toThrow(
    "without a size",
  );
});
