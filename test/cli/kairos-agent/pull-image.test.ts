import { expect, test } from "bun:test";
import { answerTo } from "../../../src/cli/kairos-agent/answer.ts";
import { agentMachine } from "./machine.ts";

test.each(["pull-image", "pull-image image", "pull-image image folder more"])(
  "%s shows the help and fails, without a word",
  (line) => {
    const answer = answerTo(agentMachine({ userId: 0 }), line.split(" "));
    expect(answer).toMatchObject({
      kind: "print",
      status: 1,
      stdout: expect.stringContaining("Usage:"),
    });
  },
);

test("pull-image is for root", () => {
  expect(answerTo(agentMachine({ userId: 1000 }), ["pull-image", "image", "folder"])).toMatchObject(
    {
      kind: "print",
      status: 1,
      stdout: "this command requires root privileges\n",
    },
  );
});

test("pull-image with an image and a folder is work", () => {
  const answer = answerTo(agentMachine({ userId: 0 }), ["pull-image", "image", "folder"]);
  expect(answer.kind).toBe("work");
});
