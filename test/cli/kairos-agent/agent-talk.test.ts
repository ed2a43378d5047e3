import { expect, test } from "bun:test";
import { AgentTalk } from "../../../src/cli/kairos-agent/agent-talk.ts";
import { memorySystem } from "../../fakes/machine.ts";

function talkAll(debug: boolean): string {
  let text = "";
  const talk = new AgentTalk(memorySystem(), { print: (part) => void (text += part), debug });
  talk.info("one");
  talk.warn("two");
  talk.error("three");
  talk.debug("four");
  talk.progress({ step: "five", doneBytes: 1, totalBytes: 2 });
  talk.progress({ step: "five", doneBytes: 2, totalBytes: 2 });
  talk.end();
  return text;
}

test("AgentTalk prints lines like the log of the original", () => {
  const lines = talkAll(false).split("\n");
  expect(lines.slice(0, 3)).toEqual([
    "1970-01-01T00:00:01Z INF one",
    "1970-01-01T00:00:02Z WRN two",
    "1970-01-01T00:00:03Z ERR three",
  ]);
  expect(lines[3]).toStartWith("1970-01-01T00:00:04Z INF five: 100 % (2 B of 2 B");
  expect(lines).toHaveLength(5);
  expect(talkAll(true)).toContain("Z DBG four\n");
});
