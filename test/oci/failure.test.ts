import { expect, test } from "bun:test";

import { Transient } from "../../src/oci/attempts.ts";
import { failureOf } from "../../src/oci/failure.ts";
import { Secrets } from "../../src/oci/secrets.ts";
import type { Answer } from "../../src/oci/transport.ts";

const CONTEXT = { task: "fetch it", identity: "without credentials" };

function answer(status: number, body: string, isForeign = false): Answer {
  return {
    status,
    headers: new Headers(),
    host: "r.io",
    isForeign,
    quote: (text) => new Secrets().quote(text),
    async *bytes() {
      yield new TextEncoder().encode(body);
    },
    discard() {},
  };
}

test.each([
  [`{"errors":[{"code":"A","message":"b"},{"code":"C"},{"message":"d"}]}`, "404 A: b, C, d"],
  [`{"errors":[]}`, "404"],
  [`{"errors":"x"}`, "404"],
  ["<html>", "404"],
  ["", "404"],
  [JSON.stringify({ errors: [{ message: "\u001B[31m\u202Ered" }] }), "404 ?[31m?red"],
  [JSON.stringify({ errors: [{ message: "m".repeat(9999) }] }), `404 ${"m".repeat(300)}`],
  [`{"errors":[{"message":"${"m".repeat(70_000)}"}]}`, `404 ${"m".repeat(300)}`],
])("describes the answer %p", async (body, want) => {
  const error = await failureOf(answer(404, body), CONTEXT);
  expect(error.message).toBe(`Cannot fetch it: r.io says ${want}`);
});

test("a 403 of a store is Transient, because the registry gives a new URL", async () => {
  expect(await failureOf(answer(403, "", true), CONTEXT)).toBeInstanceOf(Transient);
  expect(await failureOf(answer(403, ""), CONTEXT)).toHaveProperty("code", "unauthorized");
  expect(await failureOf(answer(503, ""), CONTEXT)).toBeInstanceOf(Transient);
});
