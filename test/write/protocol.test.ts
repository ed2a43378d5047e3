import { expect, test } from "bun:test";
import { TandemError } from "../../src/lib/error.ts";
import { decodeFailure, encodeFailure } from "../../src/write/protocol.ts";

test.each([
  ["a hint", new TandemError("no-space", "Cannot place it", { hint: "Use a larger slot." })],
  ["no hint", new TandemError("content", "Cannot unpack it", { cause: new Error("cause") })],
])("a TandemError with %s crosses threads whole", (_, error) => {
  const arrived = decodeFailure(structuredClone(encodeFailure(error)));
  expect(arrived).toBeInstanceOf(TandemError);
  const { name, message, code, hint, stack } = error;
  expect(arrived).toMatchObject({ name, message, code });
  expect((arrived as TandemError).hint).toBe(hint);
  expect(arrived.stack).toBe(stack);
});

test("errorOf() makes a plain Error of a bug", () => {
  const error = new RangeError("Invalid array length");
  const arrived = decodeFailure(structuredClone(encodeFailure(error)));
  expect(arrived).not.toBeInstanceOf(TandemError);
  expect([arrived.message, arrived.stack]).toEqual([error.message, error.stack]);
});

test("failureOf() turns an error of a system call into a TandemError's", () => {
  const error = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
  const arrived = decodeFailure(structuredClone(encodeFailure(error)));
  expect(arrived).toMatchObject({ code: "disk", message: "Cannot go on: EIO: i/o error, read" });
});

test("failureOf() accepts a thrown value that is no Error", () => {
  expect(decodeFailure(encodeFailure("text")).message).toBe("text");
});
