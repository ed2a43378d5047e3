import { expect, test } from "bun:test";
import { agentVersionFlagText, agentVersionText } from "../../../src/cli/kairos-agent/version.ts";

const INFO = { version: "1.2.3", modified: false, bun: "1.4.5+a7733435c", glibc: "GLIBC" };

test.each([
  [true, false, "kairos v1.2.3\n"],
  [true, true, "kairos v1.2.3\n"],
  [false, false, "v1.2.3\n"],
  [false, true, "kairos v1.2.3\nbun    1.4.5+a7733435c\n"],
])("version as the first word %p, --long %p", (isFirstWord, long, text) => {
  expect(agentVersionText(INFO, { isFirstWord, long })).toBe(text);
});

test("--version", () => {
  expect(agentVersionFlagText(INFO)).toBe("kairos-agent version v1.2.3\n");
  expect(agentVersionFlagText(undefined)).toBe("kairos-agent version v0.0.0\n");
});
