import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { Entry } from "../../src/tar/entry.ts";
import { TarReader } from "../../src/tar/tar.ts";
import { tar, type TarMember } from "../peers/tar.ts";
import { MemorySink } from "../fakes/memory-sink.ts";
import { END, paxHeader, rawHeader, rawMember } from "./raw-tar.ts";
import { type Unpacking, unpackLayer } from "../layer/unpack-image.ts";

function read(...parts: Uint8Array[]): Entry[] {
  return unpackLayer(Buffer.concat([...parts, END])).entries;
}

describe("the name of an entry", () => {
  const pax = paxHeader([
    ["path", "pax"],
    ["linkpath", "pax-link"],
  ]);
  const gnu = rawMember({ name: "././@LongLink", type: "L", magic: "ustar  \0" }, "gnu\0");
  const gnuLink = rawMember({ name: "././@LongLink", type: "K", magic: "ustar  \0" }, "gnu-link");
  const link = rawHeader({ name: "own", type: "2", link: "own-link" });

  test.each([
    ["the header", [link], "own", "own-link"],
    ["PAX", [pax, link], "pax", "pax-link"],
    ["GNU", [gnu, gnuLink, link], "gnu", "gnu-link"],
    ["GNU before PAX", [gnu, pax, gnuLink, link], "gnu", "gnu-link"],
    ["two PAX headers", [pax, paxHeader([["path", "again"]]), link], "again", "pax-link"],
    [
      "an empty long name",
      [rawMember({ type: "L" }), paxHeader([["path", ""]]), rawHeader({ type: "5", name: "d" })],
      "",
      undefined,
    ],
  ])("comes from %s", (...[, parts, path, target]) => {
    expect(read(...parts)).toMatchObject([{ path, ...(target === undefined ? {} : { target }) }]);
  });

  test("does not come from the headers of an earlier entry", () => {
    expect(read(pax, link, rawHeader({ name: "b" }))).toMatchObject([
      { path: "pax" },
      { path: "b" },
    ]);
  });

  test.each([
    ["1", "hard"],
    ["2", "sym"],
  ])("may be missing on a link (type %s), which is ignored", (type, kind) => {
    const { entries, warnings } = unpackLayer(
      Buffer.concat([rawHeader({ name: "", type, link: "x" }), END]),
    );
    expect(entries).toEqual([]);
    expect(warnings).toEqual([
      `layer 1 of 1: entry "": it is a ${kind}link without a name and is ignored, continuing`,
    ]);
  });

  test("may be missing on a file, which is ignored with its data", () => {
    const { entries, sink } = unpackLayer(
      Buffer.concat([rawMember({ name: "" }, "x"), rawMember({ name: "b" }, "y"), END]),
    );
    expect(entries).toMatchObject([{ path: "b" }]);
    expect(sink.files).toHaveLength(1);
  });
});

describe("TarReader", () => {
  test.each([
    ["0", "a", "file"],
    ["\0", "a", "file"],
    ["\0", "a/", "directory"],
    ["0", "a/", "file"],
    ["7", "a", "file"],
    ["1", "a", "hardlink"],
    ["2", "a", "symlink"],
    ["3", "a", "character"],
    ["4", "a", "block"],
    ["5", "a", "directory"],
    ["6", "a", "fifo"],
  ])("reads type %p with the name %p as a %s", (type, name, kind) => {
    expect(read(rawHeader({ type, name, link: "x" }))).toMatchObject([{ kind, path: "a" }]);
  });

  test.each(["8", "A", "D", "M", "N", "V", "X", "Z", "\xff"])("refuses type %p", (type) => {
    expect(() => read(rawHeader({ type }))).toThrow('entry "a": its type');
  });

  test("makes entries whose keys have the same order in all kinds", () => {
    const types = ["0", "1", "2", "3", "4", "5", "6"];
    const common = ["kind", "path", "mode", "uid", "gid", "mtime", "xattrs"];
    for (const entry of read(...types.map((type) => rawHeader({ type, link: "x" }))))
      expect(Object.keys(entry).slice(0, common.length)).toEqual(common);
  });

  test("reads no body of a member that is not a file, even when its header has a size", () => {
    const types = ["1", "2", "3", "4", "5", "6"];
    const parts = types.map((type) => rawHeader({ type, link: "x", sizeBytes: 99_999 }));
    expect(read(...parts)).toHaveLength(types.length);
  });

  test("drops the data of whiteouts", () => {
    const { entries, sink } = unpackLayer(
      Buffer.concat([rawMember({ name: "d/.wh.a" }, "content"), END]),
    );
    expect(entries).toMatchObject([{ kind: "file", path: "d/.wh.a", sizeBytes: 0, extents: [] }]);
    expect(sink.files).toEqual([]);
  });
});

describe("TarReader", () => {
  test.each([
    ["type bits in the mode", { 100: "0104755\0" }, { mode: 0o4755 }],
    [
      "a negative time",
      { 136: `${"\xff".repeat(11)}\xfe` },
      { mtime: { seconds: -2, nanoseconds: 0 } },
    ],
    ["a large id", { 108: "\x80\0\0\0\xff\xff\xff\xfe" }, { uid: 4_294_967_294 }],
  ])("reads %s", (_, raw, fields) => {
    expect(read(rawHeader({ raw }))).toMatchObject([fields]);
  });

  test("takes the permission bits from an access ACL, and the other bits from the mode", () => {
    const acl = paxHeader([["SCHILY.acl.access", "user::rw-,group::r--,mask::-wx,other::--x"]]);
    expect(read(acl, rawHeader({ raw: { 100: "0004755\0" } }))).toMatchObject([{ mode: 0o4631 }]);
  });

  test("gives every symlink the mode 0777, as Linux does", () => {
    expect(read(rawHeader({ type: "2", link: "x" }))).toMatchObject([{ mode: 0o777 }]);
  });

  test.each<[string, Parameters<typeof rawHeader>[0], string]>([
    ["a negative mode", { raw: { 100: "\xff".repeat(8) } }, "mode is negative"],
    ["a negative uid", { raw: { 108: "\xff".repeat(8) } }, "uid -1"],
    [
      "the gid -1 as an unsigned number",
      { raw: { 116: "\x80\0\0\0\xff\xff\xff\xff" } },
      "gid 4294967295",
    ],
    ["a negative size", { raw: { 124: "\xff".repeat(12) } }, "size is negative"],
    ["a symlink to nothing", { type: "2" }, "0 bytes, not 1 to 4095"],
    [
      "a device major of 4096",
      { type: "3", raw: { 329: "0010000\0" } },
      "4096:0 is beyond 4095:1048575",
    ],
    ["a device minor of 2^20", { type: "4", raw: { 337: "4000000\0" } }, "0:1048576 is beyond"],
    ["a negative device", { type: "4", raw: { 337: "\xff".repeat(8) } }, "0:-1 is beyond"],
    ["text for a number", { raw: { 108: "no" } }, "no number in uid"],
  ])("refuses %s", (_, header, reason) => {
    expect(() => read(rawHeader(header))).toThrow(reason);
  });

  test("accepts the target of a symlink up to 4095 bytes", () => {
    const link = rawHeader({ type: "2" });
    const target = "t".repeat(4095);
    expect(read(paxHeader([["linkpath", target]]), link)).toMatchObject([{ target }]);
    const longer = paxHeader([["linkpath", `${target}t`]]);
    expect(() => read(longer, link)).toThrow("4096 bytes");
  });
});

const commented = (bytes: number): Buffer =>
  Buffer.concat([paxHeader([["comment", "c".repeat(bytes)]]), rawHeader(), END]);

describe("limits", () => {
  test("an extended header may have 1 MiB and no more", () => {
    const overhead = "1048576 comment=\n".length;
    expect(unpackLayer(commented(1_048_576 - overhead)).entries).toHaveLength(1);
    expect(() => unpackLayer(commented(1_048_577 - overhead))).toThrow("larger than 1048576");
  });

  test("all extended headers of one member together may have 1 MiB", () => {
    const half = paxHeader([["comment", "c".repeat(600_000)]]);
    expect(read(half, rawHeader(), half, rawHeader())).toHaveLength(2);
    expect(() => read(half, half, rawHeader())).toThrow("larger than 1048576");
  });

  test("all names and attributes of a layer together may have 128 MiB", () => {
    const xattr = paxHeader([["SCHILY.xattr.user.a", "v".repeat(65_536 - "auser.a".length)]]);
    const sink = new MemorySink();
    const reader = new TarReader({
      sink,
      onEntry() {},
      onWarning() {},
      dataBytesMax: 0,
      wantsData: () => true,
    });
    for (let count = 0; count < 2048; count += 1) reader.write(Buffer.concat([xattr, rawHeader()]));
    expect(() => reader.write(rawHeader())).toThrow(
      "the layer has more than 134217728 bytes of names and attributes",
    );
  });

  test("a file larger than the layer's limit is refused before data goes to the sink", () => {
    const sink = new MemorySink();
    const layerBytes = Buffer.concat([rawHeader({ sizeBytes: 10_001 }), END]);
    expect(() => unpackLayer(layerBytes, { outputBytesMax: 10_000, sink })).toThrow(
      "it has 10001 bytes",
    );
    expect(sink.files).toEqual([]);
  });
});

describe("the end of the stream", () => {
  const member = rawMember({}, "x");
  test.each<[string, Buffer]>([
    ["in the middle of a header", member.subarray(0, 511)],
    ["in the middle of a body", rawMember({}, "x".repeat(1000)).subarray(0, 1511)],
    ["before a body", member.subarray(0, 512)],
    ["after an extended header", paxHeader([["path", "a"]])],
    ["in the middle of an extended header", paxHeader([["path", "a"]]).subarray(0, 515)],
    ["in the middle of a zero block", Buffer.alloc(100)],
  ])("is an error %s", (_, bytes) => {
    expect(() => unpackLayer(bytes)).toThrow("cut off");
  });

  test.each<[string, Buffer]>([
    ["in the padding", member.subarray(0, 513)],
    ["after the padding", member],
    ["after one zero block", Buffer.concat([member, Buffer.alloc(512)])],
    [
      "after other bytes behind two zero blocks",
      Buffer.concat([member, END, Buffer.from("anything")]),
    ],
  ])("is accepted %s", (_, bytes) => {
    expect(unpackLayer(bytes).entries).toHaveLength(1);
  });

  test("zero blocks after an extended header are an error", () => {
    expect(() => read(paxHeader([["path", "a"]]))).toThrow("a member has to follow");
  });
});

test("TarReader ignores global headers, and warns once of each key", () => {
  const header = paxHeader(
    [
      ["path", "evil"],
      ["comment", "from git"],
      ["path", "worse"],
    ],
    "g",
  );
  const { entries, warnings } = unpackLayer(Buffer.concat([header, rawHeader(), header, END]));
  expect(entries).toMatchObject([{ path: "a" }]);
  expect(warnings).toEqual([
    'layer 1 of 1: a global PAX header sets "path", which is ignored, continuing',
  ]);
});

const name = fc
  .string({ unit: fc.constantFrom("a", "b", "é", "."), minLength: 1, maxLength: 60 })
  .filter((text) => !/^\.+$/.test(text));
const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));
const id = fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: 2 ** 32 - 2 }));
const seconds = fc.integer({ min: 0, max: 2 ** 34 });
const common = {
  path,
  mode: fc.nat(0o7777),
  uid: id,
  gid: id,
  mtime: fc
    .tuple(seconds, fc.nat(999_999_999))
    .map(([s, ns]) => `${s}.${`${ns}`.padStart(9, "0")}`),
  xattrs: fc.dictionary(
    fc.constantFrom("user.a", "security.capability"),
    fc.uint8Array({ maxLength: 40 }),
  ),
};
const member: fc.Arbitrary<TarMember> = fc.oneof(
  fc.record({
    ...common,
    kind: fc.constant("file" as const),
    data: fc.uint8Array({ maxLength: 3000 }),
  }),
  fc.record({ ...common, kind: fc.constantFrom("directory" as const, "fifo" as const) }),
  fc.record({
    ...common,
    kind: fc.constantFrom("symlink" as const, "hardlink" as const),
    target: path,
  }),
  fc.record({
    ...common,
    kind: fc.constantFrom("character" as const, "block" as const),
    major: fc.nat(4095),
    minor: fc.nat(1_048_575),
  }),
);

const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const WITH_CONTENT = new Set(["file", "directory", "hardlink"]);

function expectedOf(written: TarMember): Record<string, unknown> {
  const [whole = "0", fraction = "0"] = (written.mtime ?? "").split(".");
  const { kind = "file", uid, gid } = written;
  return {
    kind,
    path: bytesOf(written.path),
    mode: kind === "symlink" ? 0o777 : written.mode,
    uid,
    gid,
    mtime: { seconds: Number(whole), nanoseconds: Number(fraction) },
    xattrs: Object.entries(written.xattrs ?? {})
      .filter(([key]) => !key.startsWith("user.") || WITH_CONTENT.has(kind))
      .map(([key, value]) => ({ name: key, value: Buffer.from(value).toString("latin1") })),
    ...("target" in written ? { target: bytesOf(written.target) } : {}),
    ...("major" in written ? { major: written.major, minor: written.minor } : {}),
    ...("data" in written
      ? { content: Buffer.from(written.data as Uint8Array).toString("latin1") }
      : {}),
  };
}

function gotOf(bytes: Uint8Array, unpacking: Unpacking): unknown[] {
  const { entries, sink } = unpackLayer(bytes, unpacking);
  return entries.map((entry) => {
    if (entry.kind !== "file") return entry;
    const { extents, sizeBytes, ...rest } = entry;
    return { ...rest, content: Buffer.from(sink.contentOf(sizeBytes, extents)).toString("latin1") };
  });
}

test("TarReader reads back what an archive was made of, in chunks of any size", () => {
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 6 }),
      fc.integer({ min: 1, max: 5000 }),
      (members, chunkBytes) => {
        expect(gotOf(tar(members), { chunkBytes })).toEqual(members.map(expectedOf));
      },
    ),
    { numRuns: 200 },
  );
});

test('TarReader throws only "content" errors, for any bytes', () => {
  const part = fc.oneof(
    fc.constantFrom(
      rawHeader(),
      rawMember({}, "x"),
      END,
      paxHeader([["path", "b"]]),
      rawMember({ type: "S", magic: "ustar  \0" }, "x"),
    ),
    fc.uint8Array({ maxLength: 700 }),
    fc.tuple(member, fc.nat(2000), fc.nat(255)).map(([written, at, byte]) => {
      const bytes = Buffer.from(tar([written]));
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      try {
        unpackLayer(Buffer.concat(parts));
      } catch (error) {
        expect(error).toMatchObject({ name: "TandemError", code: "content" });
      }
    }),
    { numRuns: 300 },
  );
});

const ACL = "user::rwx,group::r-x,other::r-x,user:7:r--,mask::r-x";

/** The types of tar, and which of four attributes Linux allows on each. */
test.each([
  ["0", "a file", ["user.a", "trusted.a", "system.posix_acl_access"]],
  [
    "5",
    "a directory",
    ["user.a", "trusted.a", "system.posix_acl_access", "system.posix_acl_default"],
  ],
  ["2", "a symlink", ["trusted.a"]],
  ["3", "a character device", ["trusted.a", "system.posix_acl_access"]],
  ["4", "a block device", ["trusted.a", "system.posix_acl_access"]],
  ["6", "a FIFO", ["trusted.a", "system.posix_acl_access"]],
])(
  "TarReader reads type %s, %s, with the attributes %p, and warns of the others",
  (...[type, , names]) => {
    const pax = paxHeader([
      ["SCHILY.xattr.user.a", "1"],
      ["SCHILY.xattr.trusted.a", "2"],
      ["SCHILY.acl.access", ACL],
      ["SCHILY.acl.default", ACL],
    ]);
    const { entries, warnings } = unpackLayer(
      Buffer.concat([pax, rawHeader({ name: "x", type, link: type === "2" ? "y" : "" }), END]),
    );
    const [entry] = entries;
    expect(entry?.xattrs.map((xattr) => String(xattr.name))).toEqual(names);
    expect(warnings).toHaveLength(4 - names.length);
    for (const text of warnings)
      expect(text).toMatch(/its xattr ".*" is left out: no [a-z ]+ can have it/);
  },
);
