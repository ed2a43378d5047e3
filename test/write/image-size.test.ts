import { expect, test } from "bun:test";
import { MiB } from "../../src/lib/units.ts";
import { imageFileBytes, imageFit } from "../../src/write/image-size.ts";

const CONTENT = {
  name: "oci:image",
  needBytes: 320 * MiB,
  needs: "its compressed size",
  likelyBytes: 8 * 320 * MiB,
};
const room = (freeMiB: number, minimumMiB = 0) => ({
  where: "COS_STATE",
  freeBytes: freeMiB * MiB,
  minimumBytes: minimumMiB * MiB,
});

test.each([
  ["what is likely at most", room(10_000), 16 + 2640 + 16 + 80],
  ["what the operator wants, if that is more", room(10_000, 3072), 3072],
  ["no less for an operator who wants little", room(10_000, 64), 16 + 2640 + 16 + 80],
  ["all that is free, less a reserve", room(1000), 968],
  ["just enough", room(32 + 16 + 330), 346],
  ["just what the operator wants", room(32 + 900, 900), 900],
])("imageFileBytes() is %s", (_, of, wantMiB) => {
  expect(imageFileBytes(CONTENT, of) / MiB).toBe(wantMiB);
});

test.each([
  ["the content", room(32 + 16 + 330 - 1), 378, "its compressed size", 377],
  ["the wish of the operator", room(931, 900), 932, "the size that is configured", 931],
  ["anything", room(1), 378, "its compressed size", 1],
])("imageFileBytes() refuses where there is no room for %s", (_, of, ...[need, why, have]) => {
  const message = `Cannot write oci:image to COS_STATE: needs at least ${need * MiB} bytes (${why}, and more), has ${have * MiB}`;
  expect(() => imageFileBytes(CONTENT, of)).toThrow(
    expect.objectContaining({ code: "no-space", message }),
  );
});

test("imageFit() keeps the size that the operator wants, and free space", () => {
  expect(imageFit(CONTENT, MiB)).toEqual({ freeBytes: (16 + 80) * MiB, minimumBytes: MiB });
});
