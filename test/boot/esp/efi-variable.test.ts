import { expect, test } from "bun:test";
import { readEfiVariable } from "../../../src/boot/esp/efi-variable.ts";
import { memoryFiles } from "../../fakes/files.ts";

const PATH = "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/** A variable in the form of efivarfs: four bytes of attributes, then UTF-16. */
const stored = (text: string): Buffer =>
  Buffer.concat([Uint8Array.of(6, 0, 0, 0), Buffer.from(text, "utf16le")]);

test.each([
  ["ABCD-01\0", "ABCD-01"],
  ["without an end", "without an end"],
  ["\0", ""],
  ["text\0rest\0", "text"],
])("readEfiVariable() of %j is %j", (text, value) => {
  expect(readEfiVariable(memoryFiles({ [PATH]: stored(text) }), "LoaderDevicePartUUID")).toBe(
    value,
  );
});

function fail(): never {
  throw new Error("EIO: i/o error");
}

test("readEfiVariable() is undefined for a missing variable, and for one that the firmware does not return", () => {
  expect(readEfiVariable(memoryFiles({}), "LoaderDevicePartUUID")).toBeUndefined();
  expect(readEfiVariable({ readBytes: fail }, "LoaderDevicePartUUID")).toBeUndefined();
});
