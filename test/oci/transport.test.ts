import { expect, test } from "bun:test";

import { endpointOf } from "../../src/oci/endpoint.ts";
import type { Patience } from "../../src/oci/patience.ts";
import { Secrets } from "../../src/oci/secrets.ts";
import { type Answer, readBody, Transport } from "../../src/oci/transport.ts";
import { AUTHORITIES, internet, type Sent } from "../fakes/internet.ts";
import { type RawAnswer, RawServer } from "../fakes/registry.ts";
import { collect, rejection } from "../fakes/source.ts";
import { Ticks } from "../fakes/ticks.ts";

const HEADERS = {
  authorization: "Bearer T0KEN",
  cookie: "a=b",
  range: "bytes=7-",
  accept: "x/y",
};
const go =
  (location: string, status = 307) =>
  (): Response =>
    new Response("", { status, headers: { location } });
const arrived = (): Response => new Response("arrived");

const PATIENCE: Patience = { stallMs: 200, minimumRate: 0 };

function open(hosts: Parameters<typeof internet>[0], patience = PATIENCE, host = "r.io") {
  const net = internet(hosts);
  const lines: string[] = [];
  const endpoint = endpointOf({ host }, []);
  const log = (line: string): void => void lines.push(line);
  const transport = new Transport({
    endpoint,
    ...patience,
    authorities: AUTHORITIES,
    secrets: new Secrets(),
    fetch: net.fetch,
    log,
  });
  const send = (headers: Record<string, string> = HEADERS) =>
    transport.send({ url: new URL(`${endpoint.origin}/start`), headers });
  return { net, lines, send };
}

test.each([
  ["another host", "https://cdn.io/x?sig=1", { "cdn.io": arrived }, "cdn.io", false],
  ["another port", "https://r.io:444/x", { "r.io:444": arrived }, "r.io:444", false],
  [
    "a path",
    "../y",
    { "r.io": ({ url }: Sent) => (url.pathname === "/y" ? arrived() : go("../y")()) },
    "r.io",
    true,
  ],
] as const)("follows to %s", async (...row) => {
  const [, location, hosts, host, isSame] = row;
  const { net, send, lines } = open({ "r.io": go(location), ...hosts });
  const answer = await send();
  expect(new TextDecoder().decode(await collect(answer.bytes()))).toBe("arrived");
  expect([answer.host, answer.isForeign]).toEqual([host, !isSame]);
  const headers = net.sent.at(-1)?.headers;
  expect(headers?.get("authorization")).toBe(isSame ? HEADERS.authorization : null);
  expect(headers?.get("cookie")).toBe(isSame ? HEADERS.cookie : null);
  expect(headers?.get("range")).toBe("bytes=7-");
  expect(headers?.get("accept-encoding")).toBe("identity");
  expect(lines.join()).not.toContain("sig=");
});

test("credentials that a redirect removed are not added again", async () => {
  const back = ({ url }: Sent): Response =>
    url.pathname === "/back" ? arrived() : go("https://cdn.io/")();
  const { net, send } = open({ "r.io": back, "cdn.io": go("https://r.io/back") });
  await send();
  expect(net.to("r.io").map(({ headers }) => headers.has("authorization"))).toEqual([true, false]);
});

test.each([
  ["https://r.io/start", "more than 10 times", 11],
  ["http://r.io/start", "it is not HTTPS", 1],
  ["http://cdn.io/", "it is not HTTPS", 1],
  ["https://10.0.0.1/", "private network", 1],
  ["https://u:p@cdn.io/", "contains credentials", 1],
  ["file:///etc/passwd", "not HTTP", 1],
  ["https://[/", "no URL", 1],
])("does not follow to %p", async (location, why, requests) => {
  const { net, send } = open({ "r.io": go(location) });
  expect(await rejection(send())).toMatchObject({
    code: "network",
    message: expect.stringContaining(why),
  });
  expect(net.sent).toHaveLength(requests);
});

test("plain HTTP may redirect to HTTPS, but not back", async () => {
  const host = "localhost:5000";
  const { send } = open(
    { [host]: go("https://cdn.io/"), "cdn.io": go("http://cdn.io/") },
    PATIENCE,
    host,
  );
  expect((await rejection(send())).message).toContain("it is not HTTPS");
});

test("ten redirects are followed", async () => {
  let left = 10;
  const { send } = open({ "r.io": () => ((left -= 1) >= 0 ? go("/")() : arrived()) });
  expect((await send()).status).toBe(200);
});

test.each([
  [
    "CERT_HAS_EXPIRED",
    "TandemError",
    "Cannot trust r.io: its certificate fails with CERT_HAS_EXPIRED",
  ],
  ["ECONNRESET", "Transient", "ECONNRESET on the connection to r.io"],
  ["ConnectionRefused", "Transient", "ConnectionRefused on the connection to r.io"],
])("reports %p without the URL", async (code, name, message) => {
  const { send } = open({
    "r.io": ({ url }) => {
      throw Object.assign(new Error(`failed ${url.href}`), { code, path: url.href });
    },
  });
  const error = await rejection(send());
  expect(error.message).toBe(message);
  expect(error.printed).toContain(name);
  expect(error.printed).not.toContain("/start");
});

test.each([
  ["with a length", { "content-length": "100" }],
  ["in pieces", {}],
])("reads no more of a body than the limit, %s", async (_, headers: Record<string, string>) => {
  let made = 0;
  const body = new ReadableStream({
    pull(controller) {
      made += 1;
      controller.enqueue(new Uint8Array(10));
      if (made === 10) controller.close();
    },
  });
  const { send } = open({ "r.io": () => new Response(body, { headers }) });
  const error = await rejection(send().then((answer) => readBody(answer, 30, "it")));
  expect(error).toMatchObject({ code: "content", message: expect.stringContaining("at most 30") });
  expect(made).toBeLessThan(8);
});

/** Uses a real connection. Time passes only by `ticks`. */
function connect(server: RawServer) {
  const ticks = new Ticks();
  const transport = new Transport({
    endpoint: endpointOf({ host: server.host }, [], "http"),
    stallMs: STALL_MS,
    minimumRate: 512,
    every: ticks.every,
    authorities: AUTHORITIES,
    secrets: new Secrets(),
    log() {},
  });
  const send = (signal?: AbortSignal): Promise<Answer> =>
    transport.send({ url: new URL(`http://${server.host}/`), headers: {}, signal });
  return { ticks, send };
}

const STALL_MS = 30_000;
/** One tick more, because the first tick may come at once. */
const STALLED_MS = STALL_MS * 1.1;

test("a server that sends no headers has stalled", async () => {
  using server = new RawServer(() => ({ head: [], end: "hang" }));
  const { ticks, send } = connect(server);
  const sent = rejection(send());
  ticks.pass(STALLED_MS);
  expect((await sent).message).toBe(`no byte from ${server.host} for 30 s`);
  expect(ticks.running).toBe(0);
});

const ONE_OF_TWO = (): RawAnswer => ({
  head: ["HTTP/1.1 200 OK", "content-length: 2"],
  body: new Uint8Array(1),
  end: "hang",
});

test("a server that stops after one byte has stalled, but not while the consumer is slow", async () => {
  using server = new RawServer(ONE_OF_TWO);
  const { ticks, send } = connect(server);
  const bytes = (await send()).bytes();
  ticks.pass(600_000);
  expect((await bytes.next()).value?.byteLength).toBe(1);
  ticks.pass(600_000);
  const next = rejection(bytes.next());
  ticks.pass(STALLED_MS);
  expect((await next).message).toContain("no byte from");
  expect(ticks.running).toBe(0);
});

/** A body that sends `bytesATick` bytes in each tick of the watch. */
function trickle(ticks: Ticks, bytesATick: number, count: number): ReadableStream {
  let left = count;
  return new ReadableStream(
    {
      pull(controller) {
        ticks.pass(ticks.intervalMs);
        controller.enqueue(new Uint8Array(bytesATick));
        left -= 1;
        if (left === 0) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

test.each([
  [1, 100, "r.io sent 0 bytes a second over a minute"],
  [1530, 100, "r.io sent 510 bytes a second over a minute"],
  [1536, 100, undefined],
])("a body of %d bytes in three seconds, %d times: %s", async (bytesATick, count, why) => {
  const ticks = new Ticks();
  const patience = { stallMs: STALL_MS, minimumRate: 512, every: ticks.every };
  const { send } = open(
    { "r.io": () => new Response(trickle(ticks, bytesATick, count)) },
    patience,
  );
  const got = collect((await send()).bytes());
  void got.catch(() => {});
  if (why === undefined) expect((await got).byteLength).toBe(bytesATick * count);
  else expect((await rejection(got)).message).toContain(why);
  expect(ticks.running).toBe(0);
});

test("ends at once when the signal fires, with its reason", async () => {
  using server = new RawServer(ONE_OF_TWO);
  const abort = new AbortController();
  const bytes = (await connect(server).send(abort.signal)).bytes();
  await bytes.next();
  const next = rejection(bytes.next());
  abort.abort(new Error("enough"));
  expect((await next).message).toBe("enough");
});

test("empty chunks are skipped", async () => {
  const body = new ReadableStream({
    start(controller) {
      for (const length of [0, 10, 0]) controller.enqueue(new Uint8Array(length));
      controller.close();
    },
  });
  const { send } = open({ "r.io": () => new Response(body) });
  const lengths: number[] = [];
  for await (const { byteLength } of (await send()).bytes()) lengths.push(byteLength);
  expect(lengths).toEqual([10]);
});

test("a consumer that takes longer than the stall time for a chunk gets all bytes", async () => {
  let left = 3;
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(10));
      left -= 1;
      if (left === 0) controller.close();
    },
  });
  const ticks = new Ticks();
  const patience = { stallMs: STALL_MS, minimumRate: 512, every: ticks.every };
  const { send } = open({ "r.io": () => new Response(body) }, patience);
  let sizeBytes = 0;
  for await (const { byteLength } of (await send()).bytes()) {
    sizeBytes += byteLength;
    ticks.pass(600_000);
  }
  expect(sizeBytes).toBe(30);
});
