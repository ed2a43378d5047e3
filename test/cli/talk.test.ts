import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import { openTalk, progressText } from "../../src/cli/talk.ts";
import type { Globals } from "../../src/cli/globals.ts";
import type { Talk } from "../../src/lib/talk.ts";

const GLOBALS: Globals = {
  disk: undefined,
  config: undefined,
  json: false,
  debug: false,
  quiet: false,
};

const stdout = spyOn(process.stdout, "write");
const stderr = spyOn(process.stderr, "write").mockImplementation(() => true);
const wasTTY = process.stderr.isTTY;
afterEach(() => {
  stderr.mockClear();
  stdout.mockClear();
  setTTY(wasTTY);
});

afterAll(() => {
  stderr.mockRestore();
  stdout.mockRestore();
});

function setTTY(isTTY: boolean): void {
  Object.defineProperty(process.stderr, "isTTY", { value: isTTY, configurable: true });
}

const said = (): string => stderr.mock.calls.map(([text]) => String(text)).join("");

function sayAll(talk: Talk & { end(): void }): void {
  talk.info("one");
  talk.warn("two, continuing");
  talk.debug("three");
  talk.progress({ step: "Four", doneBytes: 1, totalBytes: 2 });
  talk.progress({ step: "Four", doneBytes: 2, totalBytes: 2 });
  talk.end();
}

test.each([
  [{}, ["one", "two, continuing", "Four: 100 %"], ["three"]],
  [{ debug: true }, ["one", "two, continuing", "three", "Four: 100 %"], []],
  [{ quiet: true }, [], ["one", "two", "three", "Four"]],
  [{ quiet: true, json: true }, [], ["one", "two", "three", "Four"]],
])("openTalk(%p) says %p on stderr", (globals, wanted, unwanted) => {
  setTTY(false);
  sayAll(openTalk({ ...GLOBALS, ...globals }));
  for (const text of wanted) expect(said()).toContain(text);
  for (const text of unwanted) expect(said()).not.toContain(text);
  expect(said()).not.toContain("Four: 50 %");
  expect(stdout.mock.calls).toEqual([]);
});

test.each([
  [false, ["info", "warn"]],
  [true, ["info", "warn", "debug"]],
])("openTalk() with --json says one object a line (debug: %p)", (debug, levels) => {
  sayAll(openTalk({ ...GLOBALS, json: true, debug }));
  const lines = said().trimEnd().split("\n");
  const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(objects.flatMap(({ level }) => level ?? [])).toEqual(levels);
  expect(objects.at(-1)).toMatchObject({
    step: "Four",
    doneBytes: 2,
    totalBytes: 2,
    secondsLeft: 0,
  });
});

test("openTalk() on a terminal draws one line over, and clears it before it says something", () => {
  setTTY(true);
  const talk = openTalk(GLOBALS);
  talk.progress({ step: "Four", doneBytes: 2, totalBytes: 2 });
  expect(said()).toStartWith("\r\u001B[KFour: 100 %");
  expect(said()).not.toContain("\n");
  stderr.mockClear();
  talk.info("one");
  expect(said()).toStartWith("\r\u001B[K");
  stderr.mockClear();
  talk.end();
  expect(said()).toBe("");
});

test.each([
  [0, 0, { bytesPerSecond: 0, secondsLeft: Number.NaN }, "Step: 100 % (0 B of 0 B, 0 B/s)"],
  [0, 10, { bytesPerSecond: 0, secondsLeft: Infinity }, "Step: 0 % (0 B of 10 B, 0 B/s)"],
  [
    1024,
    3072,
    { bytesPerSecond: 1000.4, secondsLeft: 2.04 },
    "Step: 33 % (1.0 KiB of 3.0 KiB, 1000 B/s, 3 s left)",
  ],
  [
    2999,
    3000,
    { bytesPerSecond: 2048, secondsLeft: 0.01 },
    "Step: 99 % (2.9 KiB of 2.9 KiB, 2.0 KiB/s, 1 s left)",
  ],
])("progressText() of %i of %i bytes", (...[doneBytes, totalBytes, rate, text]) => {
  expect(progressText({ step: "Step", doneBytes, totalBytes }, rate)).toBe(text);
});
