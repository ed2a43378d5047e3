import { viewOf } from "../../src/lib/view.ts";
import { expect, test } from "bun:test";
import type { StoredXattr } from "../../src/ext4/xattr.ts";
import {
  encodeXattrBlock,
  putInodeXattrs,
  putXattrChecksum,
  storedXattrs,
} from "../../src/ext4/xattr.ts";
import { byteString } from "../../src/lib/byte-string.ts";
import { xattr } from "../fakes/ext4-image.ts";

const path = (): string => "/some/file";
/** The space for xattrs in an inode. */
const AREA_BYTES = 96;

interface Read {
  readonly name: string;
  readonly value: string;
  readonly hash: number;
}

/** Decodes the list at `at`. Value offsets are relative to `base`. */
function read(bytes: Uint8Array, at: number, base: number): Read[] {
  const view = viewOf(bytes);
  const found: Read[] = [];
  let entry = at;
  while (view.getUint32(entry, true) !== 0) {
    const nameBytes = view.getUint8(entry);
    const valueAt = base + view.getUint16(entry + 2, true);
    const text = (start: number, length: number): string =>
      Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
    found.push({
      name: `${view.getUint8(entry + 1)}:${text(entry + 16, nameBytes)}`,
      value: text(valueAt, view.getUint32(entry + 8, true)),
      hash: view.getUint32(entry + 12, true),
    });
    entry += 16 + Math.ceil(nameBytes / 4) * 4;
  }
  return found;
}

const names = (xattrs: readonly StoredXattr[]): string[] =>
  xattrs.map(({ index, name }) => `${index}:${name}`);

test("storedXattrs() sorts by namespace, length and bytes", () => {
  const given = ["user.b", "trusted.z", "user.aa", "security.selinux", "user.a", "user.B"];
  const got = storedXattrs(
    given.map((name) => xattr(name, "v")),
    path,
  );
  expect(names(got)).toEqual(["1:B", "1:a", "1:b", "1:aa", "4:z", "6:selinux"]);
});

test.each([
  "com.apple.provenance",
  "user.",
  "system.posix_acl_accessory",
  "system.nfs4_acl",
  "plain",
])("storedXattrs() leaves out %s", (name) => {
  expect(storedXattrs([xattr(name, "v")], path)).toEqual([]);
});

test("storedXattrs() uses the last of two values", () => {
  const got = storedXattrs([xattr("user.a", "1"), xattr("user.a", "2")], path);
  expect(got.map(({ value }) => String(value))).toEqual(["2"]);
});

test("storedXattrs() converts ACLs to the form on disk", () => {
  const value = Uint8Array.fromHex("0200000001000600ffffffff");
  const [acl, other] = storedXattrs(
    ["system.posix_acl_default", "system.posix_acl_access"].map((name) => xattr(name, value)),
    path,
  );
  const want = byteString(Uint8Array.fromHex("0100000001000600"));
  expect([acl?.index, other?.index]).toEqual([2, 3]);
  expect([acl?.name, acl?.value]).toEqual([byteString(new Uint8Array(0)), want]);
});

test.each([
  [
    "a malformed ACL",
    "system.posix_acl_access",
    'Cannot store the ACL of "/some/file": it is malformed',
  ],
  ["a long name", `user.${"n".repeat(256)}`, 'of "/some/file": its name has more than 255 bytes'],
])("storedXattrs() refuses %s", (_, name, message) => {
  expect(() => storedXattrs([xattr(name, "v")], path)).toThrow(message);
});

// Magic and end mark leave 88 bytes for the header (16), the name (4) and the value.
test.each([
  [68, 1],
  [69, 0],
  [0, 1],
])("putInodeXattrs() with a value of %d bytes takes %d", (length, inside) => {
  const area = new Uint8Array(AREA_BYTES);
  const value = "v".repeat(length);
  const rest = putInodeXattrs(area, storedXattrs([xattr("user.name", value)], path));
  expect(rest).toHaveLength(1 - inside);
  const want = inside === 1 ? [{ name: "1:name", value, hash: 0 }] : [];
  expect(read(area, 4, 4)).toEqual(want);
  expect(viewOf(area).getUint32(0, true)).toBe(inside === 1 ? 0xea020000 : 0);
});

test("putInodeXattrs() stores what fits and returns the others", () => {
  const area = new Uint8Array(AREA_BYTES);
  const given = [xattr("user.large", "x".repeat(80)), xattr("security.capability", "y".repeat(20))];
  expect(names(putInodeXattrs(area, storedXattrs(given, path)))).toEqual(["1:large"]);
  expect(read(area, 4, 4).map(({ name }) => name)).toEqual(["6:capability"]);
});

test("encodeXattrBlock() holds names, values and hashes", () => {
  const given = [xattr("user.a", "x"), xattr("user.b", ""), xattr("user.c", "long ".repeat(50))];
  const block = encodeXattrBlock(storedXattrs(given, path), path);
  expect(read(block, 32, 0)).toEqual([
    // "a" = 0x61, then the word "x\0\0\0": (0x61 << 16) ^ 0x78.
    { name: "1:a", value: "x", hash: 0x610078 },
    { name: "1:b", value: "", hash: 0x62 },
    { name: "1:c", value: "long ".repeat(50), hash: expect.any(Number) },
  ]);
});

// 4096 bytes minus 32 for the header, 4 for the end mark, 16 and 4 for the entry.
test('encodeXattrBlock() throws "no-space" for too many bytes', () => {
  const ofBytes = (bytes: number): StoredXattr[] =>
    storedXattrs([xattr("user.a", "v".repeat(bytes))], path);
  expect(encodeXattrBlock(ofBytes(4040), path)).toHaveLength(4096);
  expect(() => encodeXattrBlock(ofBytes(4041), path)).toThrow(
    'Cannot store the extended attributes of "/some/file": they need 4064 bytes, ext4 has 4060',
  );
});

function seal(at: number): number {
  const block = encodeXattrBlock(storedXattrs([xattr("user.a", "x")], path), path);
  putXattrChecksum(block, at, 5);
  return viewOf(block).getUint32(0x10, true);
}

test("putXattrChecksum() depends on the block number", () => {
  expect(seal(700)).toBe(seal(700));
  expect(seal(700)).not.toBe(seal(701));
});
