import { expect, test } from "bun:test";

import { Attempts, parseRetryAfter, withAttempts, Transient } from "../../src/oci/attempts.ts";
import { rejection } from "../fakes/source.ts";

const NOW = Date.parse("2024-01-01T00:00:00Z");

function attempts() {
  const naps: number[] = [];
  const options = {
    sleep: async (ms: number) => void naps.push(ms),
    log() {},
    task: "fetch it",
    host: "r.io",
  };
  return { naps, options };
}

test.each([
  [{ "retry-after": "2" }, 2000],
  [{ "retry-after": " 2 " }, 2000],
  [{ "retry-after": "Mon, 01 Jan 2024 00:00:02 GMT" }, 2000],
  // The clock of this machine is wrong: the server's Date counts.
  [{ "retry-after": "Tue, 01 Jan 2030 00:00:02 GMT", date: "Tue, 01 Jan 2030 00:00:00 GMT" }, 2000],
  [{ "retry-after": "Mon, 01 Jan 2001 00:00:00 GMT" }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "-1" }, undefined],
  [{}, undefined],
])("reads %p", (headers, want) => {
  const got = parseRetryAfter(new Headers(headers), NOW);
  expect(got).toBe(want as number);
});

test("waits longer after each failure, then throws the last reason", async () => {
  const { naps, options } = attempts();
  let tries = 0;
  const error = await rejection(
    withAttempts(async () => {
      tries += 1;
      throw new Transient(`503 number ${tries}`);
    }, options),
  );
  expect(error).toMatchObject({
    code: "network",
    message: "Cannot fetch it: r.io failed 5 times in a row, at last with 503 number 5",
  });
  expect(naps).toHaveLength(4);
  for (const [index, nap] of naps.entries()) {
    expect(nap).toBeGreaterThanOrEqual(0);
    expect(nap).toBeLessThanOrEqual(1000 * 2 ** index);
  }
});

test("waits as long as the server asks, up to a limit", async () => {
  const { naps, options } = attempts();
  const tries = new Attempts(options);
  await tries.failed(new Transient("429", 2000));
  await tries.failed(new Transient("429", 999_999_000));
  expect(naps).toEqual([2000, 600_000]);
});

test("resets the count after progress", async () => {
  const { naps, options } = attempts();
  const tries = new Attempts(options);
  for (let count = 0; count < 20; count += 1) {
    await tries.failed(new Transient("reset"));
    tries.progressed();
  }
  expect(naps).toHaveLength(20);
});

test("does not repeat after an error that is not Transient", async () => {
  const { naps, options } = attempts();
  const bug = new Error("a bug");
  expect(await rejection(withAttempts(() => Promise.reject(bug), options))).toMatchObject({
    message: "a bug",
  });
  expect(naps).toEqual([]);
});
