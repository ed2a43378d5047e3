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

test("whyText() of nothing says so, and where the machine is", () => {
  expect(whyText(NOTHING)).toBe(
    "Nothing was given up or left unfinished, as far as is remembered.\nThis is slot a.",
  );
});

test("whyText() tells the story, what was printed, where the machine is and what to do", () => {
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
