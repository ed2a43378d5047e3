import { expect, test } from "bun:test";

import { Attempts, Transient } from "../../src/oci/attempts.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { download } from "../../src/oci/download.ts";
import { pattern } from "../fakes/image.ts";
import { internet } from "../fakes/internet.ts";
import { FakeRegistry, RawServer, type RawAnswer } from "../fakes/registry.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";
import { Ticks } from "../fakes/ticks.ts";
import { turn, until } from "../fakes/until.ts";

const SIZE = 5_000_000;
const blob = pattern(SIZE);
const WANT = { digest: digestOf(blob), sizeBytes: SIZE };
const PATH = `/v2/ns/app/blobs/${WANT.digest}`;
const OK = ["HTTP/1.1 200 OK", "connection: close"];
const CUT = 3_000_000;
/** A busy server may be silent for a while, too. */
const STALL_MS = 1500;

const ranges = (server: RawServer): (string | undefined)[] =>
  server.requests.map((request) => /^range: (.*)$/im.exec(request)?.[1]);

/** A correct answer with the rest of the blob from the requested offset. */
function rest(request: string): RawAnswer {
  const first = Number(/bytes=(\d+)-/.exec(request)?.[1] ?? 0);
  return {
    head: [
      "HTTP/1.1 206 Partial Content",
      "connection: close",
      `content-length: ${SIZE - first}`,
      `content-range: bytes ${first}-${SIZE - 1}/${SIZE}`,
    ],
    body: blob.subarray(first),
    end: "close",
  };
}

function chunked(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([
    Buffer.from(`${bytes.byteLength.toString(16)}\r\n`),
    bytes,
    Buffer.from("\r\n"),
  ]);
}

test("requests a blob once, before it is read", async () => {
  await using registry = new FakeRegistry();
  registry.put(PATH, blob);
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  const bytes = source.blob(WANT);
  await until(() => registry.count(PATH) > 0);
  expect(Bun.hash(await collect(bytes))).toBe(Bun.hash(blob));
  expect(registry.count(PATH)).toBe(1);
});

test("an answer that fails before the read rejects the read", async () => {
  await using registry = new FakeRegistry();
  let answers = 0;
  const { source } = await testSource(`oci:${registry.host}/ns/app`, {
    fetch: async (...request) => {
      const answer = await fetch(...request);
      if (new URL(answer.url).pathname === PATH) answers += 1;
      return answer;
    },
  });
  const bytes = source.blob(WANT);
  await until(() => answers > 0);
  // The rejection has reached all who wait, and none of them has handled it.
  await turn();
  expect(await rejection(collect(bytes))).toMatchObject({ code: "source" });
});

const WITH_LENGTH = [...OK, `content-length: ${SIZE}`];
const start = blob.subarray(0, CUT);

test.each<[string, RawAnswer]>([
  ["is closed early", { head: WITH_LENGTH, body: start, end: "close" }],
  ["has no length and ends early", { head: OK, body: start, end: "close" }],
  ["is reset", { head: WITH_LENGTH, body: start, end: "reset" }],
  [
    "is chunked and cut",
    { head: [...OK, "transfer-encoding: chunked"], body: chunked(start), end: "close" },
  ],
  ["stalls", { head: WITH_LENGTH, body: start, end: "hang" }],
])("resumes a body that %s", async (_, broken) => {
  using server = new RawServer((request, nth) => (nth === 1 ? broken : rest(request)));
  const { source, naps, lines } = await testSource(`oci:${server.host}/ns/app`, {
    stallMs: STALL_MS,
  });
  expect(Bun.hash(await collect(source.blob(WANT)))).toBe(Bun.hash(blob));
  expect(server.requests).toHaveLength(2);
  const [, range = ""] = ranges(server);
  const resumedAt = Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
  expect(resumedAt).toBeLessThanOrEqual(CUT);
  expect(resumedAt).toBeGreaterThanOrEqual(0);
  expect(naps).toHaveLength(1);
  expect(lines[0]).toContain(`Cannot fetch ${WANT.digest} of ${server.host}/ns/app`);
});

const answer206 = (contentRange: string, first: number, length: number): RawAnswer => ({
  head: [
    "HTTP/1.1 206 Partial Content",
    "connection: close",
    `content-length: ${length}`,
    `content-range: ${contentRange}`,
  ],
  body: blob.subarray(first, first + length),
  end: "close",
});
const broken: RawAnswer = { head: WITH_LENGTH, body: start, end: "close" };
const resumeAt = (request: string): number => Number(/bytes=(\d+)-/.exec(request)?.[1]);

test.each<[string, (at: number) => RawAnswer, number]>([
  ["with the whole blob", () => ({ head: WITH_LENGTH, body: blob, end: "close" }), 2],
  ["short by one", (at) => answer206(`bytes ${at}-${SIZE - 2}/${SIZE}`, at, SIZE - 1 - at), 3],
  ["without a total", (at) => answer206(`bytes ${at}-${SIZE - 1}/*`, at, SIZE - at), 2],
])("accepts the answer %s when it resumes", async (_, second, requests) => {
  using server = new RawServer((request, nth) => {
    if (nth === 1) return broken;
    return nth === 2 ? second(resumeAt(request)) : rest(request);
  });
  const { source } = await testSource(`oci:${server.host}/ns/app`);
  expect(Bun.hash(await collect(source.blob(WANT)))).toBe(Bun.hash(blob));
  expect(server.requests).toHaveLength(requests);
});

test.each<[string, (at: number) => RawAnswer, string]>([
  [
    "from elsewhere",
    (at) => answer206(`bytes ${at + 1}-${SIZE - 1}/${SIZE}`, at + 1, 9),
    "bytes from",
  ],
  ["of another whole", (at) => answer206(`bytes ${at}-${SIZE - 1}/${SIZE + 1}`, at, 9), "in total"],
  ["beyond the end", (at) => answer206(`bytes ${at}-${SIZE}/*`, at, 9), "bytes from"],
  ["unnamed", (at) => answer206("", at, 9), "without Content-Range"],
  ["twice", (at) => answer206(`bytes ${at}-9/*, bytes ${at}-9/*`, at, 9), "without Content-Range"],
  ["that is none", () => ({ head: ["HTTP/1.1 416 No", "content-length: 0"], end: "close" }), "416"],
])("refuses a part %s", async (_, second, why) => {
  using server = new RawServer((request, nth) => (nth === 1 ? broken : second(resumeAt(request))));
  const { source } = await testSource(`oci:${server.host}/ns/app`);
  const error = await rejection(collect(source.blob(WANT)));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining(why) });
  expect(server.requests).toHaveLength(2);
});

test("a connection that breaks after the last byte does no harm", async () => {
  const head = [...OK, "transfer-encoding: chunked"];
  using server = new RawServer(() => ({ head, body: chunked(blob), end: "hang" }));
  const { source } = await testSource(`oci:${server.host}/ns/app`, { stallMs: STALL_MS });
  expect(Bun.hash(await collect(source.blob(WANT)))).toBe(Bun.hash(blob));
  expect(server.requests).toHaveLength(1);
});

test("fails after five attempts without progress, each for the remaining bytes", async () => {
  using server = new RawServer((_, nth) =>
    nth === 1 ? broken : { head: ["HTTP/1.1 200 OK"], end: "reset" },
  );
  const { source, naps } = await testSource(`oci:${server.host}/ns/app`);
  const error = await rejection(collect(source.blob(WANT)));
  expect(error).toMatchObject({
    code: "network",
    message: expect.stringContaining("5 times in a row"),
  });
  expect(naps).toHaveLength(4);
  expect(server.requests).toHaveLength(5);
  expect(new Set(ranges(server).slice(1)).size).toBe(1);
});

test("does not fail while attempts make progress", async () => {
  const step = 300_000;
  using server = new RawServer((request) => {
    const { head, body = blob } = rest(request);
    return { head, body: body.subarray(0, step), end: "close" };
  });
  const { source } = await testSource(`oci:${server.host}/ns/app`);
  expect(Bun.hash(await collect(source.blob(WANT)))).toBe(Bun.hash(blob));
  expect(server.requests.length).toBeGreaterThanOrEqual(Math.ceil(SIZE / step));
});

test.each<[string, Response, string, number]>([
  ["one byte more", new Response(Buffer.concat([blob, Buffer.from("x")])), `it has ${SIZE + 1}`, 0],
  ["one byte less", new Response(blob.subarray(1)), `it has ${SIZE - 1}`, 0],
  ["other bytes", new Response(pattern(SIZE).fill(7, SIZE - 1)), "they hash to sha256:", SIZE],
])("refuses %s, without another request", async (...row) => {
  const [, response, why, seenBytes] = row;
  await using registry = new FakeRegistry();
  registry.script(PATH, () => response.clone() as Response);
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  let seen = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of source.blob(WANT)) seen += chunk.byteLength;
  };
  const error = await rejection(read());
  expect(error.code).toBe("content");
  for (const part of [why, WANT.digest, registry.host]) expect(error.message).toContain(part);
  expect(seen).toBe(seenBytes);
  expect(registry.requests).toHaveLength(1);
});

test("reads no more than the size of a blob without Content-Length", async () => {
  await using registry = new FakeRegistry();
  let sentBytes = 0;
  registry.script(PATH, () => {
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sentBytes += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    return new Response(body);
  });
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  const error = await rejection(collect(source.blob({ ...WANT, sizeBytes: 100_000 })));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining("got more") });
  expect(sentBytes).toBeLessThan(40_000_000);
});

test("frees each chunk when the next one is requested", async () => {
  using server = new RawServer(rest);
  const { source } = await testSource(`oci:${server.host}/ns/app`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.blob(WANT)) {
    expect(chunks.every(({ byteLength }) => byteLength === 0)).toBe(true);
    chunks.push(chunk);
  }
  expect(chunks.length).toBeGreaterThan(1);
});

test("ends when the signal fires, and when the source is closed", async () => {
  using server = new RawServer(() => ({ head: WITH_LENGTH, body: start, end: "hang" }));
  const { source } = await testSource(`oci:${server.host}/ns/app`);
  const abort = new AbortController();
  const first = rejection(collect(source.blob(WANT, { signal: abort.signal })));
  const second = rejection(collect(source.blob(WANT)));
  await until(() => server.requests.filter((request) => request.includes(PATH)).length === 2);
  abort.abort(new Error("enough"));
  expect((await first).message).toBe("enough");
  source.close();
  expect((await second).message).toContain("abort");
});

test("after the URL of a store has expired, the registry gives a new one", async () => {
  await using store = new FakeRegistry();
  await using registry = new FakeRegistry();
  store.put("/x", blob);
  store.script(
    "/x",
    () => new Response("", { status: 403 }),
    (seen) => store.serve(seen),
  );
  registry.script(PATH, () => Response.redirect(`http://${store.host}/x`, 307));
  const { source } = await testSource(`oci:${registry.host}/ns/app`);
  expect(Bun.hash(await collect(source.blob(WANT)))).toBe(Bun.hash(blob));
  expect([registry.count(PATH), store.count("/x")]).toEqual([2, 2]);
});

/** A registry that sends `bytesATick` each second until the connection ends. Only fake timers measure the time. */
test.each([1, 300])(
  "a registry that sends %d bytes a second is given up after five minutes",
  async (rate) => {
    const ticks = new Ticks();
    let opened = 0;
    const body = (): ReadableStream => {
      opened += 1;
      return new ReadableStream(
        {
          pull(controller) {
            ticks.pass(1000);
            controller.enqueue(new Uint8Array(rate));
          },
        },
        { highWaterMark: 0 },
      );
    };
    const net = internet({
      "r.io": ({ headers }) => {
        const first = /bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1];
        if (first === undefined) return new Response(body());
        const range = `bytes ${first}-${SIZE - 1}/${SIZE}`;
        return new Response(body(), { status: 206, headers: { "content-range": range } });
      },
    });
    const options = { fetch: net.fetch, every: ticks.every, stallMs: 10_000 };
    const { source } = await testSource("oci:r.io/ns/app", options);
    expect(await rejection(collect(source.blob(WANT)))).toMatchObject({
      code: "network",
      message: expect.stringContaining(
        `r.io failed 5 times in a row, at last with r.io sent ${rate} bytes a second over a minute`,
      ),
    });
    expect(opened).toBe(5);
  },
);

const MINUTE_MS = 60_000;

test.each([
  ["slower than it may be", 0.9 * MINUTE_MS, 0, 5],
  ["as fast as it has to be", 0.5 * MINUTE_MS, 0, 7],
  ["fast, to a consumer that is slow", 0, 10 * MINUTE_MS, 7],
])("a registry that breaks the connection again and again, %s", async (...row) => {
  const [, serverMs, consumerMs, opened] = row;
  let nowMs = 0;
  let count = 0;
  const attempts = new Attempts({
    sleep: async () => {},
    log() {},
    task: "fetch it",
    host: "r.io",
  });
  const bytes = download({
    sizeBytes: 7 * 20_000,
    minimumRate: 512,
    attempts,
    what: "it",
    nowMs: () => nowMs,
    async open(offsetBytes) {
      count += 1;
      const range = `bytes ${offsetBytes}-${7 * 20_000 - 1}/${7 * 20_000}`;
      return {
        status: 206,
        headers: new Headers({ "content-range": range }),
        host: "r.io",
        isForeign: false,
        quote: String,
        discard() {},
        async *bytes() {
          nowMs += serverMs;
          yield new Uint8Array(20_000);
          throw new Transient("broken off");
        },
      };
    },
  });
  const read = async (): Promise<void> => {
    for await (const _ of bytes) nowMs += consumerMs;
  };
  const { message } = await rejection(read());
  expect(count).toBe(opened);
  if (opened === 5) expect(message).toContain("failed 5 times in a row");
});
