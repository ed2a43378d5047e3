import { expect, test } from "bun:test";

import { fakeImage, indexOf, pattern, TYPES, descriptorOf, platform } from "../fakes/image.ts";
import { FakeRegistry, type Seen } from "../fakes/registry.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";

const image = fakeImage();
const LATEST = "/v2/ns/app/manifests/latest";
const fail =
  (status: number, headers: Record<string, string> = {}) =>
  (): Response =>
    Response.json(
      { errors: [{ code: "UNAVAILABLE", message: "come\u001B[2J back" }] },
      { status, headers },
    );

async function open(registry: FakeRegistry, name = "ns/app") {
  return testSource(`oci:${registry.host}/${name}`);
}

test("follows a tag and an index to an image and its layers", async () => {
  await using registry = new FakeRegistry();
  const layered = fakeImage({ layers: [pattern(300_000), new Uint8Array(0)] });
  const index = indexOf([descriptorOf(layered, TYPES.manifest, platform("amd64"))]);
  registry.putImage(layered, "other");
  registry.putDocument(index, "latest");
  const { source, lines } = await open(registry);
  expect(source.name).toBe(`oci:${registry.host}/ns/app:latest`);
  const { digest, layers } = await source.image();
  expect(digest).toBe(layered.digest);
  for (const [at, layer] of layers.entries())
    expect(await collect(source.blob(layer))).toEqual(layered.blobs[at + 1]?.bytes ?? pattern(1));
  await source.image();
  expect(registry.count(LATEST)).toBe(1);
  expect(registry.requests[0]?.headers.get("accept")).toStartWith(TYPES.index);
  for (const { headers } of registry.requests)
    expect(headers.get("accept-encoding")).toBe("identity");
  expect(lines).toEqual([]);
});

test("a document that is requested by digest must hash to it, whatever the headers say", async () => {
  await using registry = new FakeRegistry();
  registry.putImage(image);
  const right = await open(registry, `ns/app:old@${image.digest}`);
  expect((await right.source.image()).digest).toBe(image.digest);
  registry.script(`/v2/ns/app/manifests/${image.digest}`, () => {
    const other = fakeImage({ config: { author: "other" } });
    return new Response(other.bytes, { headers: { "docker-content-digest": image.digest } });
  });
  const wrong = await open(registry, `ns/app@${image.digest}`);
  expect(await rejection(wrong.source.image())).toMatchObject({
    code: "content",
    message: expect.stringContaining(`Cannot accept ${image.digest} from ${registry.host}/ns/app`),
  });
});

test.each([
  [
    "a wrong digest",
    { "docker-content-digest": `sha256:${"0".repeat(64)}` },
    "Docker-Content-Digest",
  ],
  ["no digest and no type", {}, "the type in the document"],
  ["a type that says nothing", { "content-type": "text/plain" }, "the type in the document"],
  ["parameters", { "content-type": `${TYPES.manifest}; charset=utf-8` }, undefined],
])("a manifest with %s in the headers is accepted", async (_, headers, warning) => {
  await using registry = new FakeRegistry();
  registry.putImage(image);
  registry.script(LATEST, () => new Response(image.bytes, { headers: headers as never }));
  const { source, lines } = await open(registry);
  expect((await source.image()).digest).toBe(image.digest);
  if (warning === undefined) expect(lines).toEqual([]);
  else expect(lines.join()).toContain(warning);
});

test("an endless manifest is refused after the limit", async () => {
  await using registry = new FakeRegistry();
  let sentBytes = 0;
  registry.script(LATEST, () => {
    const body = new ReadableStream({
      pull(controller) {
        sentBytes += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    return new Response(body, { headers: { "content-type": TYPES.manifest } });
  });
  const { source } = await open(registry);
  expect(await rejection(source.image())).toMatchObject({
    code: "content",
    message: expect.stringContaining("at most 4194304 bytes"),
  });
  expect(sentBytes).toBeLessThan(40_000_000);
});

test.each([
  [404, "source", 1],
  [401, "unauthorized", 1],
  [403, "unauthorized", 1],
  [400, "network", 1],
  [405, "network", 1],
  [416, "content", 1],
  ...[408, 429, 499, 500, 502, 503, 504, 522].map((status) => [status, "network", 5] as const),
])("an answer of %p ends with the code %p after %p requests", async (status, code, requests) => {
  await using registry = new FakeRegistry();
  registry.script(LATEST, fail(status));
  const { source } = await open(registry);
  const { message, ...error } = await rejection(source.image());
  expect(error.code).toBe(code);
  for (const part of [registry.host, "ns/app", `${status} UNAVAILABLE: come?[2J back`])
    expect(message).toContain(part);
  expect(registry.requests).toHaveLength(requests);
});

const inTwoSeconds = (): Response =>
  fail(429, {
    date: "Mon, 01 Jan 2024 00:00:00 GMT",
    "retry-after": "Mon, 01 Jan 2024 00:00:02 GMT",
  })();

test.each([
  [fail(429, { "retry-after": "2" }), 2000],
  [fail(503, { "retry-after": "999999" }), 600_000],
  [inTwoSeconds, 2000],
])("waits as long as an overloaded server asks", async (answer, waitMs) => {
  await using registry = new FakeRegistry();
  registry.putImage(image);
  registry.script(LATEST, answer, fail(503), (seen) => registry.serve(seen));
  const { source, naps, lines } = await open(registry);
  await source.image();
  expect(naps).toHaveLength(2);
  expect(naps[0]).toBe(waitMs);
  expect(lines[0]).toContain(`attempt 2 of 5 in ${waitMs / 1000}.0 s, continuing`);
});

test("a registry that does not answer gets five attempts", async () => {
  const registry = new FakeRegistry();
  const { host } = registry;
  await registry[Symbol.asyncDispose]();
  const { source, naps } = await testSource(`oci:${host}/ns/app`);
  expect(await rejection(source.image())).toMatchObject({
    code: "network",
    message: expect.stringContaining(`${host} failed 5 times in a row, at last with ECONNREFUSED`),
  });
  expect(naps).toHaveLength(4);
});

test("an error about compressed bytes names the Content-Encoding", async () => {
  await using registry = new FakeRegistry();
  const [layer] = image.layers;
  if (layer === undefined) throw new Error("no layer");
  const packed = Bun.gzipSync("layer");
  const path = `/v2/ns/app/blobs/${layer.digest}`;
  registry.script(path, () => new Response(packed, { headers: { "content-encoding": "gzip" } }));
  const { source } = await open(registry);
  expect(await rejection(collect(source.blob(layer)))).toMatchObject({
    code: "content",
    message: expect.stringContaining("Content-Encoding is gzip"),
  });
  // The header alone does no harm: the client decodes nothing.
  registry.script(path, () => new Response("layer", { headers: { "content-encoding": "gzip" } }));
  expect(await collect(source.blob(layer))).toEqual(new TextEncoder().encode("layer"));
});

test("Basic works over plain HTTP on loopback, and later requests send it at once", async () => {
  await using registry = new FakeRegistry();
  registry.putImage(image);
  const basic = `Basic ${Buffer.from("me:pw").toString("base64")}`;
  const guard = (seen: Seen): Response =>
    seen.headers.get("authorization") === basic
      ? registry.serve(seen)
      : new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=x" } });
  for (const { digest } of image.blobs) registry.script(`/v2/ns/app/blobs/${digest}`, guard);
  registry.script(LATEST, guard);
  const auths = { [registry.host]: { username: "me", password: "pw" } };
  const { source } = await testSource(`oci:${registry.host}/ns/app`, {
    environment: { REGISTRY_AUTH_FILE: "/auth.json" },
    content: { "/auth.json": JSON.stringify({ auths }) },
  });
  const { layers } = await source.image();
  for (const layer of layers) await collect(source.blob(layer));
  expect(registry.requests).toHaveLength(4);
});
