import { expect, test } from "bun:test";

import { MINIMUM_RATE, Watch } from "../../src/oci/patience.ts";
import { Ticks } from "../fakes/ticks.ts";

const STALL_MS = 30_000;
const SLOW = `r.io sent 1 bytes a second over a minute, want at least 512 (minimumRate in the configuration)`;

function watch(minimumRate = MINIMUM_RATE) {
  const ticks = new Ticks();
  const said: string[] = [];
  const patience = { stallMs: STALL_MS, minimumRate, every: ticks.every };
  const watched = new Watch(patience, "r.io", ({ message }) => said.push(message));
  /** How long the server takes for each chunk. */
  const receive = (seconds: number, bytesASecond: number): void => {
    for (let second = 0; second < seconds; second += 3) {
      watched.wait();
      ticks.pass(3000);
      watched.got(bytesASecond * 3);
    }
  };
  return { ticks, said, watched, receive };
}

test("a server that sends nothing has stalled, within a tenth of its time", () => {
  const { ticks, said, watched } = watch();
  watched.wait();
  ticks.pass(STALL_MS);
  expect(said).toEqual([]);
  ticks.pass(STALL_MS / 10);
  expect(said).toEqual(["no byte from r.io for 30 s"]);
  expect(ticks.running).toBe(0);
});

test.each([
  [1, SLOW],
  [511, SLOW.replace("sent 1 ", "sent 511 ")],
])("a server that sends %d bytes a second has stalled after a minute", (rate, why) => {
  const { said, receive } = watch();
  receive(57, rate);
  expect(said).toEqual([]);
  receive(3 * 2, rate);
  expect(said).toEqual([why]);
});

test.each([
  [512, MINIMUM_RATE],
  [1024, MINIMUM_RATE],
  [1, 0],
  [1, 1],
])(
  "a server that sends %d bytes a second has not stalled when the minimum is %d",
  (rate, minimumRate) => {
    const { said, receive } = watch(minimumRate);
    receive(3600, rate);
    expect(said).toEqual([]);
  },
);

test("a minute below the minimum rate counts, whatever came before", () => {
  const { said, receive } = watch();
  receive(120, 1_000_000);
  receive(120, 1);
  expect(said).toHaveLength(1);
});

test("a slow consumer does not count as a stalled server", () => {
  const { ticks, said, watched } = watch();
  for (let chunk = 0; chunk < 100; chunk += 1) {
    watched.wait();
    watched.got(1);
    ticks.pass(600_000);
  }
  expect(said).toEqual([]);
});

test("hours in which the thread was blocked count as one tick", () => {
  const { ticks, said, watched } = watch();
  watched.wait();
  // A late timer fires once.
  ticks.pass(ticks.intervalMs);
  watched.got(1);
  expect(said).toEqual([]);
});

test("after stop() the timer has ended", () => {
  const { ticks, said, watched } = watch();
  watched.wait();
  watched.stop();
  ticks.pass(STALL_MS * 2);
  expect([said, ticks.running]).toEqual([[], 0]);
});

test("a timer of the runtime that was missed several times fires once", async () => {
  let count = 0;
  const timer = setInterval(() => (count += 1), 1);
  const untilMs = performance.now() + 50;
  while (performance.now() < untilMs);
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(() => setImmediate(() => resolve()));
  await promise;
  clearInterval(timer);
  expect(count).toBeLessThan(5);
});
