import { expect, test } from "bun:test";
import { hashSeedOf, identityOf, uuidBytes } from "../../src/ext4/identity.ts";

test("identityOf() is a UUID of version 5 over digest and slot", () => {
  // Python: uuid.uuid5(uuid.UUID("5ab0f9c6-3e8d-4d43-9f0e-6a0f2c1d7e54"), "sha256:00 a")
  expect(identityOf("sha256:00", "a")).toBe("275abecb-bcde-5d2e-abdd-9f94aad58834");
});

test.each([
  ["sha256:00", "b"],
  ["sha256:01", "a"],
])("identityOf(%s, %s) differs", (digest, slot) => {
  expect(identityOf(digest, slot)).not.toBe(identityOf("sha256:00", "a"));
});

test("hashSeedOf() depends on the UUID", () => {
  const uuid = identityOf("sha256:00", "a");
  expect(hashSeedOf(uuid)).toEqual(hashSeedOf(uuid));
  expect(hashSeedOf(uuid)).not.toEqual(uuidBytes(uuid));
});

test("uuidBytes() accepts only a UUID", () => {
  expect(uuidBytes("01234567-89ab-cdef-0123-456789abcdef").at(-1)).toBe(0xef);
  expect(() => uuidBytes("01234567")).toThrow("is a UUID");
});
