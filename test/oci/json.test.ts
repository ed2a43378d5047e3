import { expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";

import { parseAs, parseJson } from "../../src/oci/json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  [`{"a":1,"a":2}`, `it names "a" twice`],
  [`{"x":[{"size":1,"d":"\\"","size" :2}]}`, `it names "size" twice`],
  [`{"a":1,"\\u0061":2}`, "twice"],
  [`{"a":`, "Cannot read it"],
  ["", "Cannot read it"],
])("refuses %p", (text, why) => {
  expect(() => parseJson(bytes(text), "it")).toThrow(why);
});

test("refuses bytes that are not UTF-8", () => {
  expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]), "it")).toThrow("Cannot read it");
});

test("the same name in other objects, and in values, is allowed", () => {
  const text = `{"a":{"a":"a","b":["a","{\\"a\\":1}"]},"b":[{"a":1},{"a":2}],"A":"}"}`;
  expect(parseJson(bytes(text), "it")).toEqual(JSON.parse(text));
});

test("reads JSON without repeated members like JSON.parse()", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      // fc.json() prints objects, so no member is there twice.
      expect(parseJson(bytes(text), "it")).toEqual(JSON.parse(text));
    }),
  );
});

test("names the member that is wrong", () => {
  const schema = v.looseObject({ layers: v.array(v.looseObject({ size: v.number() })) });
  expect(() => parseAs(schema, { layers: [{ size: "1" }] }, "manifest X")).toThrow(
    "Cannot use manifest X: layers.0.size: Invalid type",
  );
});
