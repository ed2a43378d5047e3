import { expect, test } from "bun:test";
import { parseAgentSource } from "../../../src/cli/kairos-agent/source-text.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

test.each([
  ["oci:r.io/a/b:1", "image", "r.io/a/b:1", "oci://r.io/a/b:1"],
  ["oci://r.io/a/b", "image", "r.io/a/b:latest", "oci://r.io/a/b:latest"],
  ["docker:b", "image", "b:latest", "oci://b:latest"],
  ["10.0.0.1:5000/a", "image", "10.0.0.1:5000/a:latest", "oci://10.0.0.1:5000/a:latest"],
  [`r.io/a@${DIGEST}`, "image", `r.io/a@${DIGEST}`, `oci://r.io/a@${DIGEST}`],
  ["r.io/latest", "image", "r.io/latest:latest", "oci://r.io/latest:latest"],
  ["dir:/", "folder", "/", "dir:///"],
  ["dir:///x/y", "folder", "/x/y", "dir:///x/y"],
  ["file:/x.img", "file", "/x.img", "file:///x.img"],
  ["ocifile:/x.tar", "archive", "/x.tar", "ocifile:///x.tar"],
] as const)("parseAgentSource(%j)", (...[text, kind, shown, noted]) => {
  expect(parseAgentSource(text)).toEqual({ kind, shown, noted });
});

test("parseAgentSource() refuses a name that is none", () => {
  expect(() => parseAgentSource("oci:A B")).toThrow("Cannot read reference");
});
