import { expect, test } from "bun:test";

import { digestOf, parseDigest } from "../../src/oci/digest.ts";
import { verified, verifyWhole } from "../../src/oci/verify.ts";
import { pattern } from "../fakes/image.ts";
import { collect, rejection } from "../fakes/source.ts";

const bytes = pattern(10);
const want = { digest: digestOf(bytes), sizeBytes: 10 };
const sha512 = digestOf(bytes, parseDigest(`sha512:${"0".repeat(128)}`));

async function* pieces(of: Uint8Array): AsyncGenerator<Uint8Array> {
  for (const byte of of) yield new Uint8Array([byte]);
}

test.each([want, { digest: sha512, sizeBytes: 10 }])(
  "passes the bytes of %p on",
  async (expected) => {
    expect(await collect(verified(pieces(bytes), expected, () => "r.io"))).toEqual(bytes);
    expect(verifyWhole(bytes, expected, () => "r.io")).toBe(bytes);
  },
);

test.each([
  ["more", pattern(11), "want its 10 bytes, got more"],
  ["less", pattern(9), "want its 10 bytes, got 9"],
  ["other", pattern(10).fill(1), "want its 10 bytes, they hash to sha256:"],
])("throws instead of ending when there are %s bytes", async (_, wrong, why) => {
  const error = await rejection(collect(verified(pieces(wrong), want, () => "r.io")));
  expect(error.code).toBe("content");
  expect(error.message).toContain(`Cannot accept ${want.digest} from r.io: ${why}`);
  expect(() => verifyWhole(wrong, want, () => "r.io")).toThrow("Cannot accept");
});
