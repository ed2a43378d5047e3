import { assert } from "../../lib/assert.ts";
import type { BlockFile } from "../../system/block-file.ts";

/** Stands for a file of zeros that does not exist, and that is only read. */
export function blankFile(name: string, sizeBytes: number): BlockFile {
  const fill = (offsetBytes: number, target: Uint8Array): void => {
    assert(offsetBytes + target.byteLength <= sizeBytes, `${name} ends at ${sizeBytes}`);
    target.fill(0);
  };
  const refuse = (): never => {
    throw new Error(`Assertion failed: ${name} is only read`);
  };
  return {
    name,
    sizeBytes,
    readInto: fill,
    read(offsetBytes, target) {
      fill(offsetBytes, target);
      return Promise.resolve("cached");
    },
    write: refuse,
    flush: refuse,
    dropCache() {},
    close() {},
  };
}
