import { expect, test } from "bun:test";
import fc from "fast-check";

import { parseChallenges, preferredChallenge } from "../../src/oci/challenge.ts";

const read = (header: string): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each([
  ["", []],
  [`Bearer realm="https://a/t"`, [["bearer", { realm: "https://a/t" }]]],
  [`BASIC REALM="x"`, [["basic", { realm: "x" }]]],
  ["Basic", [["basic", {}]]],
  ["Basic realm=/", [["basic", { realm: "/" }]]],
  [
    `Bearer realm="https://a/t?x=1,2",scope="repository:a:pull,push"`,
    [["bearer", { realm: "https://a/t?x=1,2", scope: "repository:a:pull,push" }]],
  ],
  [
    `Bearer a="b",c="d", Basic realm="x"`,
    [
      ["bearer", { a: "b", c: "d" }],
      ["basic", { realm: "x" }],
    ],
  ],
  [
    `Negotiate, Basic realm="x" , charset = "UTF-8"`,
    [
      ["negotiate", {}],
      ["basic", { realm: "x", charset: "UTF-8" }],
    ],
  ],
  [
    `Negotiate abc==, Basic realm="x"`,
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  [`Basic realm="a \\"b\\" \\\\"`, [["basic", { realm: `a "b" \\` }]]],
  [`,, Basic realm=""`, [["basic", { realm: "" }]]],
  [`Basic realm="Dev" charset="UTF-8"`, []],
  [`Basic realm="open`, []],
  [`Basic realm="a", Bearer realm="open`, [["basic", { realm: "a" }]]],
  [`realm="x"`, []],
  [`"x"`, []],
])("reads %p", (header, want) => {
  expect(read(header)).toEqual(want);
});

test.each([
  [`Basic realm="a", Bearer realm="b"`, "bearer"],
  [`Bearer scope="no realm", Basic realm="a"`, "basic"],
  [`Negotiate, Digest realm="a"`, undefined],
])("prefers of %p the scheme %p", (header, want) => {
  expect(preferredChallenge(parseChallenges(header))?.scheme).toBe(want);
});

test("ends for any header", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "B", " ", "=", ",", '"', "\\", "/", "\t", ";") }),
      (header) => {
        for (const { scheme } of parseChallenges(header)) expect(scheme).not.toBe("");
      },
    ),
  );
});
