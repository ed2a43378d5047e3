import { expect, test } from "bun:test";

import type { LayeredSource } from "../../src/source/source.ts";
import { fakeImage } from "../fakes/image.ts";
import { internet, type Internet, type Sent } from "../fakes/internet.ts";
import { collect, rejection, testSource, type Rejection } from "../fakes/source.ts";
import { until } from "../fakes/until.ts";

const PASSWORD = "s3cr3t-pass";
const BASIC = `Basic ${Buffer.from(`me:${PASSWORD}`).toString("base64")}`;
const AUTH_FILE = "/home/me/.docker/config.json";
const login = (entry: object, host = "r.io"): Record<string, string> => ({
  [AUTH_FILE]: JSON.stringify({ auths: { [host]: entry } }),
});
const WITH_PASSWORD = login({ username: "me", password: PASSWORD });
const SCOPE = "repository:ns/app:pull";
const REALM = "https://auth.io/token";
const image = fakeImage();

const bearer = (more = "", realm = REALM): string =>
  `Bearer realm="${realm}",service="r.io",scope="${SCOPE}"${more}`;
const challenge = (value: string): Response =>
  Response.json(
    { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] },
    { status: 401, headers: { "www-authenticate": value } },
  );

/** Answers with the manifest and the blobs of the image. */
function content({ url }: Sent): Response {
  const name = url.pathname.split("/").at(-1) ?? "";
  const blob = image.blobs.find(({ digest }) => digest === name);
  return new Response(blob?.bytes ?? image.bytes, {
    headers: { "content-type": blob === undefined ? (image.declaredType ?? "") : "x/y" },
  });
}

/** A registry that accepts only the values `accepted` of Authorization. */
const guarded =
  (accepted: readonly string[], ask: string | ((sent: Sent) => string) = bearer()) =>
  (sent: Sent): Response =>
    accepted.includes(sent.headers.get("authorization") ?? "")
      ? content(sent)
      : challenge(typeof ask === "string" ? ask : ask(sent));

async function open(net: Internet, files: Record<string, string> = {}) {
  return testSource("oci:r.io/ns/app", { fetch: net.fetch, content: files });
}

/** Expects that neither the log nor the error shows a secret. */
function expectNoSecrets(lines: readonly string[], error?: Rejection | void): void {
  const seen = `${lines.join("\n")}\n${error?.printed}`;
  for (const secret of [PASSWORD, BASIC.slice(6), "T0KEN", "R3FRESH", "sig=", "Signature"])
    expect(seen).not.toContain(secret);
}

async function readAll(source: LayeredSource): Promise<void> {
  const { layers } = await source.image();
  for (const layer of layers) await collect(source.blob(layer));
}

test.each([
  ["token", { token: "T0KEN" }],
  ["access_token", { access_token: "T0KEN" }],
  ["both, where token wins", { token: "T0KEN", access_token: "other" }],
])("gets a token from %s, and keeps it", async (_, answer) => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": () => Response.json(answer),
  });
  const { source, lines } = await open(net);
  await readAll(source);
  expect(net.to("auth.io").map(({ line }) => line)).toEqual([
    `GET ${REALM}?service=r.io&scope=${encodeURIComponent(SCOPE)}`,
  ]);
  expect(net.to("auth.io")[0]?.headers.has("authorization")).toBe(false);
  // Manifest without and with the token, config, layer.
  expect(net.to("r.io")).toHaveLength(4);
  expectNoSecrets(lines);
});

test.each([
  ["no token", Response.json({}), "gave no token", "network"],
  [
    "HTML",
    new Response("<p>", { headers: { "content-type": "text/html" } }),
    "not JSON",
    "network",
  ],
  ["a list", Response.json([7]), "gave no token", "network"],
  ["a number", Response.json({ token: 7 }), "what is no token", "network"],
  ["a header in it", Response.json({ token: "T0KEN\r\nx: y" }), "fit into a header", "network"],
  ["70 KiB", Response.json({ token: "x".repeat(70_000) }), "at most 65536 bytes", "content"],
  ["403", Response.json({}, { status: 403 }), "auth.io says 403", "unauthorized"],
  ["400", Response.json({}, { status: 400 }), "auth.io says 400", "network"],
])("does not repeat when the token service gives %s", async (...row) => {
  const [, response, why, code] = row;
  const net = internet({ "r.io": guarded([]), "auth.io": () => response.clone() as Response });
  const { source, lines, naps } = await open(net);
  const error = await rejection(source.image());
  expect(error).toMatchObject({ code, message: expect.stringContaining(why) });
  expect(net.to("auth.io")).toHaveLength(1);
  expect(naps).toEqual([]);
  expectNoSecrets(lines, error);
});

test("repeats a request to an overloaded token service", async () => {
  let asked = 0;
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": () =>
      (asked += 1) < 3
        ? new Response("", { status: 503, headers: { "retry-after": "7" } })
        : Response.json({ token: "T0KEN" }),
  });
  const { source, naps } = await open(net);
  await source.image();
  expect(naps).toEqual([7000, 7000]);
});

test("20 requests at once need one token", async () => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": async () => {
      await until(() => net.to("r.io").length >= 20);
      return Response.json({ token: "T0KEN" });
    },
  });
  const { source } = await open(net);
  const [layer] = image.layers;
  if (layer === undefined) throw new Error("no layer");
  await Promise.all(Array.from({ length: 20 }, () => collect(source.blob(layer))));
  expect(net.to("auth.io")).toHaveLength(1);
});

test("sends the password only to the token service", async () => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": () => Response.json({ token: "T0KEN" }),
  });
  const { source, lines } = await open(net, WITH_PASSWORD);
  await readAll(source);
  expect(net.to("auth.io").map(({ headers }) => headers.get("authorization"))).toEqual([BASIC]);
  for (const { headers } of net.to("r.io")) expect(headers.get("authorization")).not.toBe(BASIC);
  expectNoSecrets(lines);
});

test("posts the password to a token service without GET", async () => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": ({ line }) =>
      line.startsWith("GET")
        ? new Response("", { status: 405 })
        : Response.json({ access_token: "T0KEN" }),
  });
  const { source } = await open(net, WITH_PASSWORD);
  await readAll(source);
  expect(Object.fromEntries(new URLSearchParams(net.to("auth.io")[1]?.body))).toEqual({
    grant_type: "password",
    username: "me",
    password: PASSWORD,
    service: "r.io",
    client_id: "tandem",
    scope: SCOPE,
  });
});

const IDENTITY = { identitytoken: "R3FRESH", username: "me", password: PASSWORD };

test.each([
  [200, ["POST"], undefined],
  [404, ["POST", "GET"], undefined],
  [401, ["POST"], "unauthorized"],
])("exchanges an identity token for a token: %p", async (status, methods, code) => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": ({ line }) =>
      Response.json({ token: "T0KEN" }, { status: line.startsWith("POST") ? status : 200 }),
  });
  const { source, lines } = await open(net, login(IDENTITY));
  const error = code === undefined ? await readAll(source) : await rejection(source.image());
  if (code !== undefined) expect(error?.code).toBe(code);
  expect(net.to("auth.io").map(({ line }) => line.split(" ")[0])).toEqual(methods);
  expect(net.to("auth.io")[0]?.body).toContain("grant_type=refresh_token&refresh_token=R3FRESH");
  expectNoSecrets(lines, error);
});

test("sends a registry token without a token service", async () => {
  const net = internet({ "r.io": guarded(["Bearer T0KEN"]) });
  const { source } = await open(net, login({ registrytoken: "T0KEN" }));
  await readAll(source);
  const refused = internet({ "r.io": guarded([]) });
  const other = await open(refused, login({ registrytoken: "T0KEN" }));
  expect(await rejection(other.source.image())).toMatchObject({ code: "unauthorized" });
  expect(refused.sent).toHaveLength(2);
});

test.each([
  ["no credentials", {}, 1, "asked without credentials"],
  ["a wrong password", WITH_PASSWORD, 2, `asked with the credentials from "${AUTH_FILE}"`],
])("fails after one attempt when Basic meets %s", async (...row) => {
  const [, files, requests, why] = row;
  const net = internet({ "r.io": guarded([], `Basic realm="r"`) });
  const { source, lines } = await open(net, files);
  const error = await rejection(source.image());
  expect(error.code).toBe("unauthorized");
  expect(error.message).toContain(why);
  expect(error.message).toContain("r.io says 401 UNAUTHORIZED: authentication required");
  expect(net.sent).toHaveLength(requests);
  expectNoSecrets(lines, error);
});

test("the challenge of Basic is kept", async () => {
  const net = internet({ "r.io": guarded([BASIC], `Basic realm="r"`) });
  const { source } = await open(net, WITH_PASSWORD);
  await readAll(source);
  expect(net.sent).toHaveLength(4);
});

test.each([`Basic realm="Dev" charset="UTF-8"`, `Basic realm="open`, "Negotiate", ""])(
  "a challenge of %p is a refusal",
  async (value) => {
    const net = internet({ "r.io": guarded([], value) });
    const { source } = await open(net, WITH_PASSWORD);
    expect(await rejection(source.image())).toMatchObject({ code: "unauthorized" });
    expect(net.sent).toHaveLength(1);
  },
);

const WIDER = `Bearer realm="${REALM}",service="r.io",scope="repository:b:pull",error="insufficient_scope"`;

/** Gives tokens named after their scopes, in order. */
const named = ({ url }: Sent): Response =>
  Response.json({ token: url.searchParams.getAll("scope").join("+") });
const askWider = ({ headers }: Sent): string => (headers.has("authorization") ? WIDER : bearer());

test("asks for the missing scope first, and once", async () => {
  const accepted = [`Bearer repository:b:pull+${SCOPE}`];
  const net = internet({ "r.io": guarded(accepted, askWider), "auth.io": named });
  const { source } = await open(net);
  await readAll(source);
  expect(net.to("auth.io")).toHaveLength(2);
});

test.each([
  ["insufficient_scope for another scope", askWider, 3, 2],
  [
    "insufficient_scope for the same scope",
    ({ headers }: Sent) =>
      headers.has("authorization") ? bearer(`,error="insufficient_scope"`) : bearer(),
    2,
    1,
  ],
  ["invalid_token", () => bearer(`,error="invalid_token"`), 3, 2],
])("a registry that always answers %s gets no more requests", async (...row) => {
  const [, ask, requests, tokens] = row;
  let count = 0;
  const net = internet({
    "r.io": guarded([], ask),
    "auth.io": () => Response.json({ token: `t${(count += 1)}` }),
  });
  const { source } = await open(net);
  expect(await rejection(source.image())).toMatchObject({ code: "unauthorized" });
  expect(net.to("r.io")).toHaveLength(requests);
  expect(net.to("auth.io")).toHaveLength(tokens);
});

test("an expired token is renewed, also for the next blob", async () => {
  let valid = 1;
  let given = 0;
  const net = internet({
    "r.io": (sent) => guarded([`Bearer t${valid}`], bearer(`,error="invalid_token"`))(sent),
    "auth.io": () => Response.json({ token: `t${(given += 1)}` }),
  });
  const { source } = await open(net);
  const { layers } = await source.image();
  for (valid = 2; valid < 5; valid += 1)
    for (const layer of layers) await collect(source.blob(layer));
  expect(given).toBe(4);
});

test.each([
  "http://auth.io/token",
  "https://169.254.169.254/",
  "https://[::1]/",
  "https://127.0.0.1/token",
  "file:///etc/passwd",
  "https://u:p@auth.io/",
])("never sends a request to the token service %p of a public registry", async (realm) => {
  const net = internet({ "r.io": guarded([], bearer("", realm)) });
  const { source, lines } = await open(net, WITH_PASSWORD);
  const error = await rejection(source.image());
  expect(error).toMatchObject({
    code: "network",
    message: expect.stringContaining("must not be used"),
  });
  expect(net.sent).toHaveLength(1);
  expectNoSecrets(lines, error);
});

test("a token service in the list of insecure registries may use plain HTTP", async () => {
  const net = internet({
    "r.io": guarded(["Bearer T0KEN"], bearer("", "http://10.0.0.1/token")),
    "10.0.0.1": () => Response.json({ token: "T0KEN" }),
  });
  const { source } = await testSource("oci:r.io/ns/app", {
    fetch: net.fetch,
    insecureRegistries: ["10.0.0.1"],
  });
  await readAll(source);
});

test("does not follow a token service into a private network, and sends no password to another host", async () => {
  const inward = internet({
    "r.io": guarded([]),
    "auth.io": () => Response.redirect("http://10.0.0.1/"),
  });
  const { source } = await open(inward, WITH_PASSWORD);
  expect(await rejection(source.image())).toMatchObject({ code: "network" });
  expect(inward.to("10.0.0.1")).toEqual([]);
  const away = internet({
    "r.io": guarded(["Bearer T0KEN"]),
    "auth.io": () => Response.redirect("https://other.io/t"),
    "other.io": () => Response.json({ token: "T0KEN" }),
  });
  await readAll((await open(away, WITH_PASSWORD)).source);
  expect(away.to("auth.io")[0]?.headers.get("authorization")).toBe(BASIC);
  expect(away.to("other.io")[0]?.headers.has("authorization")).toBe(false);
});

test("the target of a redirect may not ask for credentials", async () => {
  const net = internet({
    "r.io": (sent) =>
      sent.url.pathname.includes("/blobs/")
        ? Response.redirect("https://cdn.io/x?sig=Signature", 307)
        : guarded(["Bearer T0KEN"])(sent),
    "auth.io": () => Response.json({ token: "T0KEN" }),
    "cdn.io": () => challenge(bearer("", "https://evil.io/token")),
  });
  const { source, lines } = await open(net, WITH_PASSWORD);
  const error = await rejection(source.image());
  expect(error).toMatchObject({ code: "unauthorized", message: expect.stringContaining("cdn.io") });
  expect(net.to("evil.io")).toEqual([]);
  expect(net.to("cdn.io").map(({ headers }) => headers.has("authorization"))).toEqual([false]);
  expectNoSecrets(lines, error);
});
