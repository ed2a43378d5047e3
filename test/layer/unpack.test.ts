import { describe, expect, test } from "bun:test";

import { TandemError } from "../../src/lib/error.ts";
import { compareTree, type ExpectedTree, layerCases } from "../fixtures/layers.ts";
import { unpackImage } from "./unpack-image.ts";

/** What the fixtures expect of the whole way, and the file system and not the layer has to do. */
const LEFT_TO_EXT4: Readonly<Record<string, ExpectedTree>> = {
  // Times beyond what ext4 can say are kept as they are.
  "R22-mtime-year-2400": {
    a: { t: "f", mtime: 13_569_465_600, ns: 500_000_000 },
    b: { t: "f", mtime: 99_999_999_999 },
  },
  // No block of ext4 has room for an xattr of 60,000 bytes, but Linux allows it.
  "R24-xattr-too-big": {
    a: { t: "f", xattr: { "user.big": "76".repeat(60_000) } },
  },
};

/** What the message has to say for each class of error. */
const REASONS: Readonly<Record<string, RegExp>> = {
  "bad-header": /checksum|header behind the end|negative/,
  truncated: /cut off/,
  limit: /more than|larger than|may have|no number it can have/,
  "unsupported-type": /type "Z"/,
  "bad-pax": /extended header has/,
  "bad-sparse": /sparse map/,
  "path-escape": /leads out of the root/,
  "root-not-dir": /place of the root/,
  "name-too-long": /more than 255/,
  loop: /more than 40 symlinks/,
  "bad-whiteout": /whiteout of/,
  "link-target": /target .* (?:does not exist|is a directory)/,
  "bad-device": /device number/,
  "bad-id": /uid 4294967295/,
  "bad-compression": /does not decompress|other bytes after/,
  diffid: /the image says/,
};

function reasonFor(error: string): RegExp {
  return new RegExp(
    error
      .split("|")
      .map((name) => REASONS[name]?.source ?? "no such reason")
      .join("|"),
  );
}

describe.each([1, 511, 1 << 20])("LayerUnpacker in chunks of %i bytes", (chunkBytes) => {
  test.each(layerCases)("reads $id", ({ id, layers, mediaType, tree, error }) => {
    const unpack = () => unpackImage(layers.map((layer) => ({ ...layer, mediaType, chunkBytes })));
    const expected = LEFT_TO_EXT4[id] ?? tree;
    if (expected !== undefined) expect(compareTree(expected, unpack())).toEqual([]);
    else {
      expect(unpack).toThrow(reasonFor(error ?? ""));
      expect(unpack).toThrow(TandemError);
    }
  });
});
