import { describe, expect, test } from "bun:test";

import { TandemError } from "../../src/lib/error.ts";
import { compareTree, type ExpectedTree, layerCases } from "../fixtures/layers.ts";
import { beginningOf, ruleOf } from "../fixtures/refusals.ts";
import { unpackImage } from "./unpack-image.ts";

/** Results that the fixtures expect of a whole upgrade. The file system makes them, not the layer. */
const LEFT_TO_EXT4: Readonly<Record<string, ExpectedTree>> = {
  // Times beyond the range of ext4 are kept here.
  "R22-mtime-year-2400": {
    a: { t: "f", mtime: 13_569_465_600, ns: 500_000_000 },
    b: { t: "f", mtime: 99_999_999_999 },
  },
  // An xattr of 60,000 bytes does not fit into a block of ext4, but Linux allows it.
  "R24-xattr-too-big": {
    a: { t: "f", xattr: { "user.big": "76".repeat(60_000) } },
  },
};

describe.each([1, 511, 1 << 20])("LayerUnpacker in chunks of %i bytes", (chunkBytes) => {
  test.each(layerCases)("reads $id", (one) => {
    const { id, layers, mediaType, tree } = one;
    const unpack = () => unpackImage(layers.map((layer) => ({ ...layer, mediaType, chunkBytes })));
    const expected = LEFT_TO_EXT4[id] ?? tree;
    if (expected !== undefined) expect(compareTree(expected, unpack())).toEqual([]);
    else {
      // Layer, entry and rule.
      const error = thrownBy(unpack);
      expect(error).toBeInstanceOf(TandemError);
      expect(error).toMatchObject({ code: "content" });
      expect(error.message).toStartWith(beginningOf(one));
      expect(error.message.slice(beginningOf(one).length)).toMatch(ruleOf(one));
    }
  });
});

function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("Nothing was thrown");
}
