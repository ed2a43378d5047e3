import { expect, test } from "bun:test";

import type { Entry } from "../../src/tar/entry.ts";
import type { MemorySink } from "../fakes/memory-sink.ts";
import { END, paxHeader, type RawHeader, rawHeader, rawMember } from "./raw-tar.ts";
import { unpackLayer } from "../layer/unpack-image.ts";

/** Reads an archive with one entry. Returns the entry and its content. */
function readFile(...parts: Uint8Array[]): { entry: Entry; content: string; sink: MemorySink } {
  const { entries, sink } = unpackLayer(Buffer.concat([...parts, END]));
  const [entry] = entries;
  if (entry?.kind !== "file" || entries.length > 1) throw new Error("not one file");
  const content = Buffer.from(sink.contentOf(entry.sizeBytes, entry.extents)).toString("latin1");
  return { entry, content, sink };
}

const number = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;
const run = (offset: number, size: number): string => number(offset) + number(size);
const old = (raw: Record<number, string>): RawHeader => ({
  name: "s",
  type: "S",
  magic: "ustar  \0",
  raw,
});
const hole = (length: number): string => "\0".repeat(length);
const lines = (map: string): string => map.padEnd(Math.ceil(map.length / 512) * 512, "\0");
const v1 = (sizeBytes: number): Buffer =>
  paxHeader([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", "s"],
    ["GNU.sparse.realsize", `${sizeBytes}`],
  ]);

test.each<[string, Buffer[], string]>([
  [
    "old",
    [rawMember(old({ 386: run(0, 3) + run(10, 2), 483: number(14) }), "abcde")],
    `abc${hole(7)}de${hole(2)}`,
  ],
  ["old, all hole", [rawMember(old({ 386: run(14, 0), 483: number(14) }))], hole(14)],
  [
    "0.0",
    [
      paxHeader([
        ["GNU.sparse.size", "12"],
        ["GNU.sparse.offset", "1"],
        ["GNU.sparse.numbytes", "2"],
        ["GNU.sparse.offset", "5"],
        ["GNU.sparse.numbytes", "1"],
      ]),
      rawMember({}, "abc"),
    ],
    `${hole(1)}ab${hole(2)}c${hole(6)}`,
  ],
  [
    "0.1",
    [
      paxHeader([
        ["GNU.sparse.size", "12"],
        ["GNU.sparse.map", "1,2,5,1"],
        ["GNU.sparse.name", "s"],
      ]),
      rawMember({}, "abc"),
    ],
    `${hole(1)}ab${hole(2)}c${hole(6)}`,
  ],
  ["0.1 without a map", [paxHeader([["GNU.sparse.size", "12"]]), rawMember({})], hole(12)],
  [
    "1.0",
    [v1(12), rawMember({}, `${lines("2\n1\n2\n5\n1\n")}abc`)],
    `${hole(1)}ab${hole(2)}c${hole(6)}`,
  ],
  [
    "1.0, runs side by side",
    [v1(5), rawMember({}, `${lines("4\n0\n2\n2\n0\n2\n1\n3\n2\n")}abcde`)],
    "abcde",
  ],
  ["1.0, all hole", [v1(9), rawMember({}, lines("1\n9\n0\n"))], hole(9)],
  [
    "1.0, a map of two blocks",
    [
      v1(200),
      rawMember(
        {},
        `${lines(`200\n${Array.from({ length: 200 }, (_, at) => `${at}\n1\n`).join("")}`)}${"x".repeat(200)}`,
      ),
    ],
    "x".repeat(200),
  ],
])("Body reads a sparse file of format %s", (_, parts, content) => {
  expect(readFile(...parts).content).toBe(content);
});

test("Body reads the old format's further map blocks, with 21 runs each", () => {
  const runs = Array.from({ length: 4 + 21 + 2 }, (_, at) => run(at * 10, 1));
  const extension = (from: number, more: string): Buffer =>
    Buffer.from(
      `${runs
        .slice(from, from + 21)
        .join("")
        .padEnd(504, "\0")}${more}`.padEnd(512, "\0"),
      "latin1",
    );
  const header = rawHeader({
    ...old({ 386: runs.slice(0, 4).join(""), 482: "\x01", 483: number(300) }),
    sizeBytes: 27,
  });
  const data = Buffer.alloc(512);
  data.write("abcdefghijklmnopqrstuvwxyz!");
  const { content } = readFile(header, extension(4, "\x01"), extension(25, ""), data);
  expect(content).toBe(
    Array.from("abcdefghijklmnopqrstuvwxyz!")
      .map((byte) => byte + hole(9))
      .join("")
      .padEnd(300, "\0"),
  );
});

test("Body seeks over holes", () => {
  const { sink } = readFile(v1(1_000_012), rawMember({}, `${lines("2\n0\n2\n1000000\n1\n")}abc`));
  expect(sink.files).toMatchObject([
    {
      sizeBytes: 1_000_012,
      dataBytes: 3,
      runs: [{ offsetBytes: 0 }, { offsetBytes: 1_000_000 }],
    },
  ]);
});

test.each<[string, Buffer[], string]>([
  [
    "the old format in another dialect",
    [rawMember({ ...old({ 483: number(0) }), magic: "" })],
    "unknown format",
  ],
  [
    "format 2.0",
    [
      paxHeader([
        ["GNU.sparse.major", "2"],
        ["GNU.sparse.minor", "0"],
      ]),
      rawMember({}),
    ],
    "format 2.0",
  ],
  ["no size", [paxHeader([["GNU.sparse.map", "0,1"]]), rawMember({}, "a")], "without a size"],
  [
    "an offset alone",
    [
      paxHeader([
        ["GNU.sparse.size", "1"],
        ["GNU.sparse.offset", "0"],
      ]),
      rawMember({}),
    ],
    "offset without a size",
  ],
  ["a map beyond the body", [v1(1), rawMember({}, "1\n")], "longer than its body"],
  [
    "less data than its map says",
    [v1(9), rawMember({}, `${lines("1\n0\n9\n")}abc`)],
    "9 bytes, its data 3",
  ],
  [
    "a size beyond ext4",
    [v1(2 ** 44), rawMember({}, lines("1\n0\n0\n"))],
    "more than a file can have",
  ],
])("Body refuses a sparse file with %s", (_, parts, reason) => {
  expect(() => readFile(...parts)).toThrow(reason);
});
