import { expect, test } from "bun:test";
import {
  type Clock,
  fittingText,
  type Pace,
  ProgressMeter,
  progressText,
  type Shown,
} from "../../src/cli/progress.ts";

const RATE = { bytesPerSecond: 0, secondsLeft: Number.NaN, quietSeconds: 0 };

test.each<[number, number, Partial<typeof RATE>, string]>([
  [0, 0, {}, "Step: 100 % (0 B of 0 B, 0 B/s)"],
  [0, 10, { secondsLeft: Infinity }, "Step: 0 % (0 B of 10 B, 0 B/s)"],
  [
    1024,
    3072,
    { bytesPerSecond: 1000.4, secondsLeft: 2.04, quietSeconds: 1.9 },
    "Step: 33 % (1.0 KiB of 3.0 KiB, 1000 B/s, 3 s left)",
  ],
  [
    2999,
    3000,
    { bytesPerSecond: 2048, secondsLeft: 0.01, quietSeconds: 7.5 },
    "Step: 99 % (2.9 KiB of 2.9 KiB, 2.0 KiB/s, nothing new for 7 s)",
  ],
])("progressText() of %i of %i bytes", (...[doneBytes, totalBytes, rate, text]) => {
  expect(progressText({ step: "Step", doneBytes, totalBytes, ...RATE, ...rate })).toBe(text);
});

test.each([
  [1.9, "Waiting"],
  [2, "Waiting (2 s)"],
  [61.7, "Waiting (61 s)"],
])("progressText() of a wait of %d s", (seconds, text) => {
  expect(progressText({ step: "Waiting", seconds })).toBe(text);
});

test("control characters that move the cursor are not shown", () => {
  expect(progressText({ step: "a\u001B[2J\r\nb\u009B", seconds: 0 })).toBe("a?[2J??b?");
});

const HALF: Shown = {
  step: "Fetching",
  doneBytes: 1024,
  totalBytes: 2048,
  ...RATE,
  bytesPerSecond: 512,
  secondsLeft: 2,
};

test.each([
  [61, "Fetching: 50 % (1.0 KiB of 2.0 KiB, 512 B/s, 2 s left)"],
  [54, "Fetching: 50 % (512 B/s, 2 s left)"],
  [34, "Fetching: 50 %"],
  [15, "Fetching: 50 %"],
  [14, "50 % Fetching"],
  [13, "50 % Fetchi…"],
  [1, "…"],
  [0, "…"],
])("fittingText() in %i columns", (columns, text) => {
  expect(fittingText(HALF, columns)).toBe(text);
});

test("fittingText() cuts where a character ends", () => {
  const step = "展開👨‍👩‍👧é";
  for (let columns = 2; columns < 20; columns += 1) {
    const text = fittingText({ step, seconds: 0 }, columns);
    expect(Bun.stringWidth(text)).toBeLessThan(columns);
    expect(step).toStartWith(text.replace("…", ""));
  }
});

const PACE: Pace = { everyMs: 200, quietMs: 1000, atOnce: true };

/** A clock that the test moves. */
class HandClock implements Clock {
  now = 0;
  timers: { readonly ms: number; readonly action: () => void; dueMs: number }[] = [];

  nowMs(): number {
    return this.now;
  }

  every(ms: number, action: () => void): { stop(): void } {
    const timer = { ms, action, dueMs: this.now + ms };
    this.timers.push(timer);
    return {
      stop: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
    };
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 1)
      for (const timer of this.timers.filter(({ dueMs }) => dueMs <= this.now)) {
        timer.dueMs += timer.ms;
        timer.action();
      }
  }
}

function meter(pace = PACE): { clock: HandClock; texts: string[]; meter: ProgressMeter } {
  const clock = new HandClock();
  const texts: string[] = [];
  const show = (shown: Shown): void => void texts.push(progressText(shown));
  return { clock, texts, meter: new ProgressMeter(pace, show, clock) };
}

const done = (doneBytes: number) => ({ step: "Step", doneBytes, totalBytes: 1000 });

test("a step is shown when it begins, then every 200 ms at most, and always when it ends", () => {
  const { clock, texts, meter: one } = meter();
  one.update(done(0));
  clock.pass(100);
  one.update(done(100));
  clock.pass(100);
  one.update(done(200));
  one.update(done(1000));
  expect(texts.map((text) => text.slice(0, 9))).toEqual(["Step: 0 %", "Step: 20 ", "Step: 100"]);
});

test("a log gets no line for a short step", () => {
  const { clock, texts, meter: one } = meter({ ...PACE, everyMs: 5000, atOnce: false });
  one.update({ step: "Waiting" });
  clock.pass(900);
  one.update(done(0));
  clock.pass(100);
  one.update(done(10));
  expect(texts).toEqual([]);
});

test("a wait is shown again and again, with its duration", () => {
  const { clock, texts, meter: one } = meter();
  one.update({ step: "Waiting" });
  clock.pass(4100);
  expect(texts).toEqual(["Waiting", "Waiting", "Waiting (2 s)", "Waiting (3 s)", "Waiting (4 s)"]);
});

test("a step without progress says so", () => {
  const { clock, texts, meter: one } = meter();
  one.update(done(500));
  clock.pass(3100);
  expect(texts.at(-1)).toContain("Step: 50 %");
  expect(texts.at(-1)).toContain("nothing new for 3 s");
});

test("nothing is shown after the end until another step begins", () => {
  const { clock, texts, meter: one } = meter();
  one.update({ step: "Waiting" });
  one.end();
  clock.pass(9000);
  expect(texts).toEqual(["Waiting"]);
  expect(clock.timers).toEqual([]);
  one.update({ step: "Waiting" });
  expect(texts).toEqual(["Waiting", "Waiting"]);
});
