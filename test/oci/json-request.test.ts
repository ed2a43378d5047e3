import { expect, test } from "bun:test";

import { endpointOf } from "../../src/oci/endpoint.ts";
import { type JsonOptions, requestJson } from "../../src/oci/json-request.ts";
import type { Patience } from "../../src/oci/patience.ts";
import { Secrets } from "../../src/oci/secrets.ts";
import { type Fetch, Transport } from "../../src/oci/transport.ts";
import { AUTHORITIES, internet, type Sent } from "../fakes/internet.ts";
import { rejection } from "../fakes/source.ts";
import { Ticks } from "../fakes/ticks.ts";

const URL_WITH_SECRET = new URL("https://auth.io/t?key=S3CRET");

function ask(fetch: Fetch, more: Partial<JsonOptions & Pick<Patience, "every">> = {}) {
  const transport = new Transport({
    endpoint: endpointOf({ host: "r.io" }, []),
    stallMs: 30_000,
    minimumRate: 512,
    ...(more.every === undefined ? {} : { every: more.every }),
    authorities: AUTHORITIES,
    secrets: new Secrets(),
    fetch,
    log() {},
  });
  const options = { retry: 0, timeoutMs: 60_000, bytesMax: 100, what: "it" };
  const context = { task: "get it", identity: "without credentials" };
  const request = { url: URL_WITH_SECRET, headers: { authorization: "Basic eDp5" } };
  return requestJson(request, { transport, ...options, ...context, ...more });
}

const answering = (answer: () => Response) => internet({ "auth.io": answer });
const redirectTo = (location: string) => (): Response => Response.redirect(location, 307);

/** Sends nothing, neither headers nor a body. */
const silent: Fetch = (_, { signal }) =>
  new Promise((__, reject) => {
    signal?.addEventListener("abort", () => reject(new Error("aborted")));
  });

/** Sends headers, and a body that never comes. */
const endless: Fetch = (_, { signal }) => {
  const body = new ReadableStream({
    start(controller) {
      signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
    },
  });
  return Promise.resolve(new Response(body));
};

test("gives the value and the host that answered", async () => {
  const net = answering(() => Response.json({ a: [1] }));
  expect(await ask(net.fetch)).toEqual({ host: "auth.io", value: { a: [1] } });
  const [sent] = net.sent;
  expect(sent?.line).toBe(`GET ${URL_WITH_SECRET.href}`);
  expect(sent?.headers.get("authorization")).toBe("Basic eDp5");
  expect(sent?.headers.get("accept-encoding")).toBe("identity");
});

test("a redirect is followed by the rules of the transport", async () => {
  const net = internet({
    "auth.io": redirectTo("https://other.io/"),
    "other.io": ({ headers }: Sent) => Response.json(headers.has("authorization")),
  });
  expect(await ask(net.fetch)).toEqual({ host: "other.io", value: false });
  const inward = internet({ "auth.io": redirectTo("https://10.0.0.1/") });
  expect((await rejection(ask(inward.fetch))).message).toContain("private network");
});

test("a status that means an unknown request is no failure", async () => {
  const net = answering(() => new Response("<p>", { status: 405 }));
  const unknownStatuses = new Set([405]);
  expect(await ask(net.fetch, { unknownStatuses })).toEqual({ host: "auth.io", value: undefined });
  expect(await rejection(ask(net.fetch))).toMatchObject({ code: "network" });
});

test.each([
  [
    "an empty body",
    () => new Response(""),
    "network",
    "Cannot get it: auth.io gave what is not JSON",
  ],
  [
    "a text",
    () => new Response("S3CRET"),
    "network",
    "Cannot get it: auth.io gave what is not JSON",
  ],
  ["too much", () => Response.json("x".repeat(99)), "content", "want at most 100 bytes"],
  ["a refusal", () => new Response("", { status: 403 }), "unauthorized", "auth.io says 403"],
])("fails for %s, without the URL", async (...row) => {
  const [, answer, code, why] = row;
  const error = await rejection(ask(answering(answer).fetch));
  expect(error).toMatchObject({ code, message: expect.stringContaining(why) });
  expect(error.printed).not.toContain("S3CRET");
});

test("a connection that breaks is a failure that may pass, without the URL", async () => {
  const error = await rejection(ask(internet({}).fetch));
  expect(error.message).toBe("ENOTFOUND on the connection to auth.io");
  expect(error.printed).toContain("Transient");
  expect(error.printed).not.toContain("S3CRET");
});

test.each([
  [0, 1],
  [2, 3],
])("with `retry` %d a server that fails is asked %d times", async (retry, times) => {
  const net = answering(() => new Response("", { status: 503 }));
  expect((await rejection(ask(net.fetch, { retry }))).message).toBe("503");
  expect(net.sent).toHaveLength(times);
});

test.each([
  ["server that never answers", silent],
  ["body that never comes", endless],
])("a %s is given up after the timeout, without the URL", async (_, fetch) => {
  const error = await rejection(ask(fetch, { timeoutMs: 1 }));
  expect(error.message).toBe("no answer from auth.io within 0.001 s");
  expect(error.printed).toContain("Transient");
  expect(error.printed).not.toContain("S3CRET");
});

test("a server that sends a byte in each tick is given up after a minute", async () => {
  const ticks = new Ticks();
  const body = new ReadableStream(
    {
      pull(controller) {
        ticks.pass(ticks.intervalMs);
        controller.enqueue(new Uint8Array(1));
      },
    },
    { highWaterMark: 0 },
  );
  const fetch: Fetch = () => Promise.resolve(new Response(body));
  const error = await rejection(ask(fetch, { every: ticks.every }));
  expect(error.message).toContain("auth.io sent 0 bytes a second over a minute");
  expect(error.printed).toContain("TooSlow");
  expect(ticks.running).toBe(0);
});
