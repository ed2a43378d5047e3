/** Tests the packed file, and the inputs that pack() refuses. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import {
  get,
  loadsOf,
  onlySegment,
  PROGRAM_HEADER,
  SEGMENT,
  segmentsOf,
  set,
} from "../../scripts/static/elf.ts";
import { type Libraries, readLibraries } from "../../scripts/static/libraries.ts";
import { pack } from "../../scripts/static/pack.ts";
import { compileStub } from "../../scripts/static/stub.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { PROBE } from "./probe.ts";

/** Bun itself, which has the format of every program that it compiles. */
const program = { name: "bun", bytes: readFileSync(process.execPath) };
const stub = compileStub();
const carried = readLibraries();
const last = segmentsOf(program).at(-1)?.at ?? 0;

test("the file has no interpreter, and no segment that is both writable and executable", async () => {
  const headers = await command("readelf", "-lW", PROBE);
  expect(headers).toContain("LOAD");
  expect(headers).not.toContain("INTERP");
  expect(headers).not.toContain("RWE");
  expect(headers.match(/^ +NULL /gm)).toHaveLength(1);
});

test("the file contains the libraries unchanged", () => {
  const packed = readFileSync(PROBE);
  for (const { bytes } of [carried.loader, ...carried.libraries])
    expect(packed.includes(bytes)).toBe(true);
});

test("the file contains no paths of the build machine", () => {
  const packed = readFileSync(PROBE);
  for (const path of [process.cwd(), dirname(PROBE)]) expect(packed.includes(path)).toBe(false);
});

test("strip refuses the file and does not change it", async () => {
  await using other = await temporaryFolder();
  const copy = other.in("copy");
  cpSync(PROBE, copy);
  await expect(command("strip", copy)).rejects.toThrow("has no sections");
  expect(readFileSync(copy).equals(readFileSync(PROBE))).toBe(true);
});

test("the stub is small", () => {
  expect(stub.length).toBeLessThan(4096);
});

/** Runs `attempt` with some changed bytes of the program, then restores them. */
function withChange(at: number, bytes: Uint8Array, attempt: () => void): void {
  const before = Buffer.from(program.bytes.subarray(at, at + bytes.length));
  program.bytes.set(bytes, at);
  try {
    attempt();
  } finally {
    before.copy(program.bytes, at);
  }
}

const interpreterAt = onlySegment(program, SEGMENT.interpreter).offset;
const lastLoadAt = loadsOf(program).at(-1)?.at ?? 0;

test.each([
  ["no ELF", { at: 0, text: "#!/b", message: '"bun": ELF header byte 0 is' }],
  ["32 bits", { at: 4, text: "\u0001", message: '"bun": ELF header byte 4 is 257, want 258' }],
  ["PIE", { at: 16, text: "\u0003", message: '"bun": ELF header byte 16 is 3, want 2' }],
  [
    "another processor",
    { at: 18, text: "\u00b7", message: '"bun": ELF header byte 18 is 183, want 62' },
  ],
  [
    "musl's loader",
    {
      at: interpreterAt,
      text: "/lib/ld-musl-x86_64.so.1\0",
      message: 'its interpreter is "/lib/ld-musl',
    },
  ],
  [
    "no note at the end",
    { at: last, text: "\u0006", message: "its last program header is not a note" },
  ],
  [
    "no interpreter",
    {
      at: onlySegment(program, SEGMENT.interpreter).at,
      text: "\0",
      message: "0 program headers of type 3",
    },
  ],
  ["a huge .bss", { at: lastLoadAt + 40, text: "\0\0\0\u0020", message: "it reaches to 0x" }],
  [
    "a foreign library",
    { at: program.bytes.indexOf("libm.so.6\0"), text: "libz", message: "it needs libz.so.6" },
  ],
])("pack() refuses a program with %s", (_, { at, text, message }) => {
  withChange(at, Buffer.from(text, "latin1"), () => {
    expect(() => pack({ program, stub, carried })).toThrow(message);
  });
});

test("pack() refuses a file that is too short to be ELF", () => {
  const empty = { name: "empty", bytes: Buffer.alloc(10) };
  expect(() => pack({ program: empty, stub, carried })).toThrow("ELF header byte 0 is undefined");
});

/** Returns the loader with one changed program header. */
function loaderWith(change: (bytes: Buffer, secondLoadAt: number) => void): Libraries {
  const bytes = Buffer.from(carried.loader.bytes);
  change(bytes, loadsOf(carried.loader)[1]?.at ?? 0);
  return { ...carried, loader: { ...carried.loader, bytes } };
}

test.each([
  [
    "segments that share a page",
    loaderWith((bytes, at) => {
      const size = get(bytes, at, PROGRAM_HEADER.memoryBytes) + 8192;
      set(bytes, at, [PROGRAM_HEADER.memoryBytes, size]);
    }),
    "two of its segments share a page",
  ],
  [
    "no name of the preload list",
    loaderWith((bytes) => bytes.fill("x", bytes.indexOf("/etc/ld.so.preload"))),
    'want "/etc/ld.so.preload\\u0000" once',
  ],
])("pack() refuses a loader with %s", (_, libraries, message) => {
  expect(() => pack({ program, stub, carried: libraries })).toThrow(message);
});

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

test("readLibraries() names a missing library", () => {
  expect(() => readLibraries([folder.path])).toThrow(
    `Cannot find glibc: no libc.so.6 in ${folder.path}`,
  );
  cpSync(`${carried.folder}/libc.so.6`, folder.in("libc.so.6"), { dereference: true });
  expect(() => readLibraries([folder.path])).toThrow(
    `Cannot find glibc: "${folder.in("ld-linux-x86-64.so.2")}" does not exist`,
  );
  writeFileSync(folder.in("ld-linux-x86-64.so.2"), "INPUT(libc.so)".padEnd(100));
  expect(() => readLibraries([folder.path])).toThrow("ELF header byte 0 is");
});

test("readLibraries() refuses a library under another's name", async () => {
  await using other = await temporaryFolder();
  for (const { name } of [carried.loader, ...carried.libraries])
    symlinkSync(`${carried.folder}/${name === "libm.so.6" ? "libdl.so.2" : name}`, other.in(name));
  expect(() => readLibraries([other.path])).toThrow('it calls itself "libdl.so.2"');
});

test.each([
  ["/nonexistent/cc", 'no C compiler "/nonexistent/cc"'],
  ["false", '"false" says:'],
])("compileStub() reports the error of the compiler %s", (compiler, message) => {
  expect(() => compileStub(compiler)).toThrow(`Cannot compile the loader stub: ${message}`);
});
