import { expect, test } from "bun:test";

import { buildInfo, formatVersion } from "../../src/lib/build-info.ts";

const info = { version: "1.2.3", modified: false, bun: "1.4.5+a", glibc: "Debian GLIBC 2.36-9" };

test("buildInfo() is undefined when run from source", () => {
  expect(buildInfo()).toBeUndefined();
});

test.each([
  [undefined, "from source"],
  [{ ...info, revision: "3f2a9c1d0b7e" }, "1.2.3 (3f2a9c1d0b7e)"],
  [{ ...info, revision: "3f2a9c1d0b7e", modified: true }, "1.2.3 (3f2a9c1d0b7e, modified)"],
  [info, "1.2.3 (unknown revision)"],
])("formatVersion(%j) is %s", (build, text) => {
  expect(formatVersion(build)).toBe(text);
});
