import { expect, test } from "bun:test";
import fc from "fast-check";
import { constants, zstdCompressSync } from "node:zlib";

import { ZstdFrames } from "../../src/layer/zstd-frames.ts";

function walk(bytes: Uint8Array, chunkBytes: number): void {
  const frames = new ZstdFrames();
  for (let at = 0; at < bytes.length; at += chunkBytes)
    frames.write(bytes.subarray(at, at + chunkBytes));
  frames.end();
}

const frame = fc
  .record({
    sizeBytes: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 300_000 })),
    step: fc.integer({ min: 0, max: 9 }),
    checksum: fc.boolean(),
    contentSize: fc.boolean(),
  })
  .map(({ sizeBytes, step, checksum, contentSize }) => {
    const params = {
      [constants.ZSTD_c_checksumFlag]: Number(checksum),
      [constants.ZSTD_c_contentSizeFlag]: Number(contentSize),
    };
    return zstdCompressSync(
      Uint8Array.from({ length: sizeBytes }, (_, at) => (at * step) >> 3),
      { params },
    );
  });
const skippable = fc.tuple(fc.nat(15), fc.uint8Array({ maxLength: 300 })).map(([kind, content]) => {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a50 + kind, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, content]);
});
const frames = fc.array(fc.oneof(frame, skippable), { minLength: 1, maxLength: 4 });

test("ZstdFrames accepts whole frames of all kinds, in chunks of any size", () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 1000 }), (parts, chunkBytes) =>
      walk(Buffer.concat(parts), chunkBytes),
    ),
  );
});

test("ZstdFrames refuses incomplete frames", () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 1000 }), fc.nat(), (parts, chunkBytes, seed) => {
      const last = parts.at(-1) ?? Buffer.alloc(0);
      const cut = Buffer.concat([
        ...parts.slice(0, -1),
        last.subarray(0, 1 + (seed % (last.length - 1))),
      ]);
      expect(() => walk(cut, chunkBytes)).toThrow("cut off");
    }),
  );
});

test("ZstdFrames refuses other bytes between frames", () => {
  fc.assert(
    fc.property(
      frames,
      frames,
      fc.uint8Array({ minLength: 4, maxLength: 8 }),
      (before, after, junk) => {
        const number = Buffer.from(junk).readUInt32LE(0);
        fc.pre(number !== 0xfd2fb528 && number - (number % 16) !== 0x184d2a50);
        expect(() => walk(Buffer.concat([...before, junk, ...after]), 100)).toThrow(
          "belong to none",
        );
      },
    ),
  );
});
