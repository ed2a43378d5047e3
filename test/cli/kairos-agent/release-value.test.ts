import { expect, test } from "bun:test";
import { releaseValue } from "../../../src/cli/kairos-agent/release-value.ts";
import { memoryFiles } from "../../fakes/files.ts";

test.each([
  [{ "/etc/kairos-release": "VERSION=old\nKAIROS_VERSION=v1\n" }, "v1"],
  [{ "/etc/kairos-release": "VERSION=v2\n", "/etc/os-release": "KAIROS_VERSION=v3\n" }, "v2"],
  [{ "/etc/kairos-release": "X=1\n", "/etc/os-release": "VERSION=12\nKAIROS_VERSION=v3\n" }, "v3"],
  [{ "/etc/os-release": "VERSION=12\n" }, "12"],
  [{}, undefined],
])("with %j VERSION is %s", (files, value) => {
  expect(releaseValue(memoryFiles(files), "VERSION")).toBe(value as never);
});
