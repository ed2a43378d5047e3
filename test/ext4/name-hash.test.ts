import { expect, test } from "bun:test";
import { hashSeedOf, uuidBytes } from "../../src/ext4/identity.ts";
import { nameHash } from "../../src/ext4/name-hash.ts";
import { byteStringOf } from "../../src/lib/byte-string.ts";
import { COLLIDING_NAMES, IDENTITY } from "../fakes/ext4-image.ts";

// What `debugfs -R "dx_hash -h half_md4 -s 01234567-89ab-cdef-0123-456789abcdef NAME"` prints.
test.each([
  ["hello", 0xa26e4a80],
  ["a", 0x35dc0cc4],
  ["abcd", 0xbd344e40],
  ["x".repeat(31), 0x05bd533c],
  ["x".repeat(32), 0x6b800086],
  ["x".repeat(33), 0x9a80601e],
  ["y".repeat(64), 0x53171eaa],
  ["z".repeat(255), 0xa6015978],
])("nameHash(%s)", (name, want) => {
  expect(nameHash(byteStringOf(name), uuidBytes(IDENTITY.uuid))).toBe(want);
});

test("nameHash() of two names can be equal", () => {
  const [one, other] = COLLIDING_NAMES.map((name) =>
    nameHash(byteStringOf(name), hashSeedOf(IDENTITY.uuid)),
  );
  expect(one).toBe(other);
});
