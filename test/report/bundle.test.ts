import { expect, test } from "bun:test";
import { TandemError } from "../../src/lib/error.ts";
import { Secrets } from "../../src/oci/secrets.ts";
import { Bundle, type Part } from "../../src/report/bundle.ts";
import { Redactor } from "../../src/report/redact.ts";
import { single } from "../../src/report/single.ts";

const { signal } = new AbortController();
const newBundle = (): Bundle => new Bundle(new Redactor(new Secrets()), signal);
const pathsOf = ({ files }: Bundle): string[] => files.map(({ path }) => path);

function fail(error: unknown): never {
  throw error;
}

test("a part that fails is noted, and the next one is collected", async () => {
  const bundle = newBundle();
  const cause = new TandemError("disk", "Cannot read /dev/x: gone");
  await bundle.collect(single("one", "one.txt", () => fail(cause)));
  await bundle.collect(single("two", "two.txt", () => "2"));
  expect(bundle.parts).toEqual(["two"]);
  expect(bundle.missing).toEqual([{ name: "one", reason: "Cannot read /dev/x: gone" }]);
  expect(bundle.files).toEqual([
    { path: "two.txt", text: "2" },
    { path: "missing.txt", text: "one: Cannot read /dev/x: gone\n" },
  ]);
});

test("a file that fails is noted, and the other files of its part are there", async () => {
  const errno = Object.assign(new Error("EACCES: permission denied"), {
    code: "EACCES",
    path: "/x",
  });
  const part: Part = {
    name: "part",
    files: () => [
      { path: "a.txt", read: () => fail(errno) },
      { path: "b.txt", read: () => "b" },
    ],
  };
  const bundle = newBundle();
  await bundle.collect(part);
  expect(bundle.parts).toEqual(["part"]);
  expect(bundle.missing).toEqual([
    { name: "a.txt", reason: "Cannot use /x: EACCES: permission denied" },
  ]);
});

test("for a bug the stack is noted as well", async () => {
  const bundle = newBundle();
  await bundle.collect(single("one", "one.txt", () => fail(new TypeError("x is not a function"))));
  expect(bundle.missing[0]?.reason).toStartWith("Cannot collect it: x is not a function\n");
  expect(bundle.missing[0]?.reason).toMatch(/^ +at .*bundle\.test\.ts/m);
});

test("a secret that the limit of a file divides is redacted whole", async () => {
  const key = ["-----BEGIN PRIVATE KEY-----", "aGVsbG8=".repeat(8), "-----END PRIVATE KEY-----"];
  const after = "x".repeat(1024 * 1024 - 60);
  const bundle = newBundle();
  await bundle.collect(single("a", "a", () => `${key.join("\n")}\n${after}`));
  expect(bundle.files[0]?.text).toEndWith(after);
  expect(bundle.files[0]?.text).not.toContain("aGVsbG8=");
});

test("reasons, texts and objects are redacted", async () => {
  const bundle = newBundle();
  await bundle.collect(single("a", "a", () => fail(new Error("http://me:s3cret@x/"))));
  await bundle.collect(single("b", "b", () => "http://me:s3cret@x/"));
  await bundle.collect(single("c", "c", () => ({ at: ["http://me:s3cret@x/"] })));
  const all = JSON.stringify(bundle.files);
  expect(all.match(/\(removed\)/g)).toHaveLength(4);
  expect(all).not.toContain("s3cret");
});

test("the end of a long text is kept", async () => {
  const bundle = newBundle();
  await bundle.collect(single("log", "log", () => `${"x".repeat(2 ** 21)}end`));
  const text = bundle.files[0]?.text ?? "";
  expect(text).toHaveLength(2 ** 20);
  expect(text).toEndWith("xend");
});

test.each([
  ["esp/../../etc/passwd", "esp/_/_/etc/passwd"],
  ["pstore/dmesg\u001b[2J\nx", "pstore/dmesg__2J_x"],
  [`long/${"n".repeat(300)}.txt`, `${"n".repeat(60)}.txt`],
])("a file gets a path that fits an archive: %p", async (path, expected) => {
  const bundle = newBundle();
  await bundle.collect(single("x", path, () => ""));
  await bundle.collect(single("y", path, () => ""));
  expect(pathsOf(bundle)).toEqual([expected, `${expected}.1`, "missing.txt"]);
});

test("a part with too many files is cut off", async () => {
  const bundle = newBundle();
  const files = Array.from({ length: 1002 }, (_, index) => ({ path: `${index}`, read: () => "" }));
  await bundle.collect({ name: "many", files: () => files });
  expect(bundle.files).toHaveLength(1001);
  expect(bundle.missing).toHaveLength(2);
});

test("a request to stop ends the collection", async () => {
  const stop = new AbortController();
  const bundle = new Bundle(new Redactor(new Secrets()), stop.signal);
  const part = single("one", "one", () => {
    stop.abort();
    throw new TandemError("disk", "Cannot read it: stopped");
  });
  const collected = bundle.collect(part);
  await expect(collected).rejects.toThrow("aborted");
  expect(bundle.missing).toEqual([]);
});
