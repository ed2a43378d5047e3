import { expect, test } from "bun:test";
import { whyText } from "../../src/cli/why-text.ts";
import type { Why } from "../../src/verdict/why.ts";

const NOTHING: Why = {
  disk: "/dev/sda",
  about: "nothing",
  slot: undefined,
  fall: undefined,
  failing: undefined,
  story: [],
  now: ["This is slot a."],
  advice: [],
};

test("without an event whyText() says so, and prints the state of the machine", () => {
  expect(whyText(NOTHING)).toBe(
    "Nothing was given up or left unfinished, as far as is remembered.\nThis is slot a.",
  );
});

test("whyText() prints the events, their output, the state of the machine and advice", () => {
  const text = whyText({
    ...NOTHING,
    about: "failing",
    slot: "a",
    story: [{ at: "2026-01-01", text: "it began" }, { text: "it ended" }],
    failing: { at: "2026-01-02", kind: "failing", slot: "a", text: "db", output: "no db\nno net" },
    advice: ["Mend it."],
  });
  expect(text.split("\n")).toEqual([
    "2026-01-01  it began",
    "at some time  it ended",
    "",
    "This is slot a.",
    "Its checks failed at 2026-01-02: db",
    "what they printed:",
    "  | no db",
    "  | no net",
    "Mend it.",
  ]);
});
