import { expect, test } from "bun:test";
import { runAftermath } from "../../src/health/aftermath.ts";
import { SILENT } from "../../src/lib/talk.ts";
import { checkedSystem, FAILED, PASSED } from "../fakes/checks.ts";

test("runAftermath() runs all programs of the folders, also after a failure", async () => {
  const messages: string[] = [];
  const talk = { ...SILENT, warn: (text: string) => void messages.push(text) };
  const system = checkedSystem({ "/red.d/1": FAILED, "/red.d/2": PASSED, "/green.d/1": PASSED });
  await runAftermath({ system, talk }, ["/red.d", "/none"]);
  expect(system.runs.map(({ path }) => path)).toEqual(["/red.d/1", "/red.d/2"]);
  expect(messages).toEqual(["Check /red.d/1 failed: ended with status 3, continuing"]);
});

test("runAftermath() limits all programs together to 30 s", async () => {
  const system = checkedSystem({ "/red.d/1": PASSED, "/red.d/2": PASSED, "/red.d/3": PASSED }, 20);
  await runAftermath({ system, talk: SILENT }, ["/red.d"]);
  expect(system.runs.map(({ deadlineSeconds }) => deadlineSeconds)).toEqual([30, 10]);
});
