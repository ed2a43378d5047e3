import { expect, test } from "bun:test";

import { checkConfig } from "../../src/cli/config-schema.ts";

test("checkConfig() returns the values, sizes in bytes", () => {
  expect(checkConfig({})).toEqual({});
  expect(checkConfig({ tries: 2, minimumRate: "2KiB" })).toEqual({ tries: 2, minimumRate: 2048 });
});

test.each([
  ["text", "the whole of it: "],
  [{ treis: 2 }, 'there is no key "treis"'],
  [{ tries: 0 }, "tries: "],
  [{ jobs: 65 }, "jobs: "],
  [{ health: { deadlineSeconds: 0 } }, "health.deadlineSeconds: "],
])("checkConfig(%p) names the member and the reason", (value, start) => {
  expect(() => checkConfig(value)).toThrow(start);
});
