import { expect, test } from "bun:test";
import { findOriginal } from "../../src/kairos/original.ts";

const [KAIROS, AGENT] = ["/usr/bin/kairos", "/usr/bin/kairos-agent"];

test.each([
  [[KAIROS, AGENT], [], KAIROS],
  [[AGENT], [], AGENT],
  [[KAIROS, AGENT], [AGENT], KAIROS],
  [[KAIROS, AGENT], [KAIROS], AGENT],
  [[KAIROS, AGENT], [KAIROS, AGENT], undefined],
  [["/usr/local/bin/kairos"], [], undefined],
])("of %j, with ourselves at %j, the original is %j", (executable, own, found) => {
  const isExecutable = (path: string): boolean => executable.includes(path);
  const isSelf = (path: string): boolean => own.includes(path);
  expect(findOriginal({ isExecutable }, { isSelf })).toBe(found);
});
