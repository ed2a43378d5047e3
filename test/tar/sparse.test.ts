import { expect, test } from "bun:test";

import { readList, SparseMap } from "../../src/tar/sparse.ts";

function mapOf(list: string, sizeBytes: number): SparseMap {
  const map = new SparseMap();
  map.sizeBytes = sizeBytes;
  readList(map, list);
  return map;
}

test.each([
  ["0,512,8192,512", 8704, 1024],
  ["0,0", 0, 0],
  ["1048576,0", 1_048_576, 0],
  ["0,512,512,512", 1024, 1024],
  ["5,0,5,1", 6, 1],
])(
  "SparseMap.check() accepts %p for a file of %i bytes with %i bytes of data",
  (list, sizeBytes, dataBytes) => {
    mapOf(list, sizeBytes).check(dataBytes);
    expect(() => mapOf(list, sizeBytes).check(dataBytes + 1)).toThrow("its data");
  },
);

test.each([
  ["0,512,256,512", 8704, 1024, "not in order"],
  ["8192,512,0,512", 8704, 1024, "not in order"],
  ["0,513", 512, 513, "beyond its 512 bytes"],
  ["600,0", 512, 0, "beyond its 512 bytes"],
])(
  "SparseMap.check() refuses %p for a file of %i bytes with %i bytes of data: %s",
  (...[list, sizeBytes, dataBytes, reason]) => {
    expect(() => mapOf(list, sizeBytes).check(dataBytes)).toThrow(reason);
  },
);

test.each([
  ["", "middle of a run"],
  ["0", "middle of a run"],
  ["0,1,2", "middle of a run"],
  ["0,-1", "negative"],
  ["a,b", "no number"],
])("readList(%p) is refused: %s", (list, reason) => {
  expect(() => mapOf(list, 10)).toThrow(reason);
});

test("readList() accepts up to 65,536 runs", () => {
  expect(mapOf(`${"1,0,".repeat(65_535)}1,0`, 10).runs).toHaveLength(65_536);
  expect(() => mapOf(`${"1,0,".repeat(65_536)}1,0`, 10)).toThrow("more than 65536 runs");
});
