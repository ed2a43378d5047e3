import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { TandemError } from "../../src/lib/error.ts";
import {
  describing,
  errnoOf,
  FileFault,
  isFull,
  machineFailure,
} from "../../src/system/failure.ts";
import { SyscallError } from "../../src/system/call.ts";

const ENOLCK = 37;
const ENOSPC = 28;

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}

const missing = thrownBy(() => readFileSync("/none"));

test.each([
  ["node:fs", missing, "ENOENT"],
  ["bun:ffi", new SyscallError("flock", ENOLCK), "ENOLCK"],
  ["our own checks", new FileFault("/x", "it is a FIFO"), "EINVAL"],
  ["a bug", new RangeError("Invalid array length"), undefined],
  ["a wrong argument", Object.assign(new Error("x"), { code: "ERR_INVALID_ARG_TYPE" }), undefined],
  ["no error", "ENOENT", undefined],
])("errnoOf() of what %s throws", (_, error, errno) => {
  expect(errnoOf(error)).toBe(errno);
});

test("isFull() recognizes a full medium", () => {
  expect(isFull(new SyscallError("write", ENOSPC))).toBe(true);
  expect(isFull(missing)).toBe(false);
});

test.each([
  [missing, "disk", "Cannot use /none: ENOENT"],
  [new SyscallError("lseek", 5), "disk", "Cannot go on: EIO: lseek failed"],
  [new SyscallError("write", ENOSPC), "no-space", "Cannot go on: ENOSPC: write failed"],
])("machineFailure() turns error %# into a TandemError", (error, code, message) => {
  const failure = machineFailure(error);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(message) });
  expect(failure?.cause).toBe(error);
});

test("machineFailure() is undefined for bugs and for TandemErrors", () => {
  expect(machineFailure(new RangeError("x"))).toBeUndefined();
  expect(machineFailure(new TandemError("disk", "Cannot x"))).toBeUndefined();
});

const full = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
const described = new TandemError("content", "Cannot use it");
const bug = new TypeError("x is not a function");

test.each([
  [new FileFault("/x", "it is gone"), "disk", "Cannot read /x: it is gone"],
  [full, "no-space", "Cannot read /x: ENOSPC: no space left"],
] as const)("describing() says at %p what was done", (cause, code, message) => {
  const failing = (): never => {
    throw cause;
  };
  const error = thrownBy(() => describing("read /x", failing));
  expect(error).toMatchObject({ code, message, cause });
});

test.each([
  ["an error that is described already", described],
  ["a bug", bug],
])("describing() passes on %s", (_, cause) => {
  expect(
    thrownBy(() =>
      describing("read /x", () => {
        throw cause;
      }),
    ),
  ).toBe(cause);
});
