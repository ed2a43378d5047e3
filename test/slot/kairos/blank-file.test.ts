import { expect, test } from "bun:test";
import { blankFile } from "../../../src/slot/kairos/blank-file.ts";

test("blankFile() is zeros, up to its end, and cannot be written", async () => {
  const file = blankFile("control", 16);
  const bytes = new Uint8Array(16).fill(7);
  file.readInto(0, bytes.subarray(0, 8));
  expect(await file.read(8, bytes.subarray(8))).toBe("cached");
  expect(bytes).toEqual(new Uint8Array(16));
  file.dropCache(0, 16);
  file.close();
  expect(() => file.readInto(8, new Uint8Array(9))).toThrow("control ends at 16");
  expect(() => file.write(0, bytes)).toThrow("control is only read");
});
