import { expect, test } from "bun:test";
import { formatBytes } from "../../src/lib/units.ts";
import { imageTime, layeredContent } from "../../src/write/layered-content.ts";
import { memoryLayers } from "../fakes/layers.ts";

const SOURCE = memoryLayers([[{ path: "one", data: "1" }], [{ path: "two", data: "2" }]]);

test("layeredContent() says what an image needs before any layer is fetched", () => {
  const { resolved, digest, name } = SOURCE;
  const needBytes = SOURCE.blobs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(layeredContent(SOURCE, resolved)).toMatchObject({
    name,
    digest,
    timeSeconds: 0,
    needBytes,
    amount: `2 layers, ${formatBytes(needBytes)} to fetch`,
    parts: 2,
  });
});

test.each([
  [undefined, 0],
  ["2024-01-01T00:00:00Z", 1_704_067_200],
  ["2024-01-01T00:00:00.999Z", 1_704_067_200],
  ["1960-01-01T00:00:00Z", 0],
  ["yesterday", 0],
])("imageTime() of %p is %i", (created, seconds) => {
  const { resolved } = SOURCE;
  expect(imageTime(created === undefined ? resolved : { ...resolved, created })).toBe(seconds);
});
