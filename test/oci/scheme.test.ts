import { expect, test } from "bun:test";

import { TandemError } from "../../src/lib/error.ts";
import { Transient } from "../../src/oci/attempts.ts";
import { findScheme } from "../../src/oci/scheme.ts";
import { rejection, testSource } from "../fakes/source.ts";
import { internet } from "../fakes/internet.ts";

type Outcome = number | Error;
const CERTIFICATE = new TandemError("network", "Cannot trust it", { hint: "Correct it" });
const refused = new Transient("ECONNREFUSED");
const otherProtocol = new Transient("EPROTO");

async function find(https: Outcome, http: Outcome, mayBePlain = true) {
  const asked: string[] = [];
  const lines: string[] = [];
  const found = findScheme({
    endpoint: { host: "r", mayBePlain },
    async ping(scheme) {
      asked.push(scheme);
      const outcome = scheme === "https" ? https : http;
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    log: (line) => lines.push(line),
  });
  const failed = await rejection(found);
  return { scheme: await found.catch(() => undefined), failed, asked, lines };
}

test.each([200, 401, 404, 400, 503])(
  "any answer by TLS, here %p, selects HTTPS",
  async (status) => {
    const { scheme, asked, lines } = await find(status, 200);
    expect({ scheme, asked, lines }).toEqual({ scheme: "https", asked: ["https"], lines: [] });
  },
);

test.each([
  ["EPROTO", 200],
  ["ECONNREFUSED", 401],
  ["no byte from r for 10 s", 404],
])(
  "after %p by TLS and %p in plain HTTP it is that, which is said with --debug",
  async (...row) => {
    const [why, status] = row;
    const { scheme, lines } = await find(new Transient(why), status);
    expect(scheme).toBe("http");
    expect(lines).toEqual([`r does not answer by TLS (${why}): it is used over plain HTTP`]);
  },
);

test.each([
  ["speaks TLS of another kind", otherProtocol, 400, "EPROTO"],
  ["is not there", refused, refused, "ECONNREFUSED"],
  ["speaks neither", otherProtocol, refused, "ECONNREFUSED in plain HTTP and EPROTO by TLS"],
])("a registry that %s throws Transient", async (...row) => {
  const [, https, http, message] = row;
  const { failed } = await find(https, http);
  expect(failed.message).toBe(message);
  expect(failed.printed).toContain("Transient");
});

test("a certificate that fails never leads to plain HTTP, and the hint names the flag", async () => {
  const { failed, asked } = await find(CERTIFICATE, 200);
  expect(failed).toMatchObject({ code: "network", message: "Cannot trust it" });
  expect(failed.printed).toContain(
    "Correct it; if it cannot have a valid certificate, add --insecure-registry r",
  );
  expect(asked).toEqual(["https"]);
});

test("an interrupted request is not tried in plain HTTP", async () => {
  const { failed, asked } = await find(new Error("stopped"), 200);
  expect([failed.message, asked]).toEqual(["stopped", ["https"]]);
});

test("other registries are not pinged: they must use TLS", async () => {
  expect(await find(refused, 200, false)).toMatchObject({ scheme: "https", asked: [] });
});

const plainOnly = ({ url }: { readonly url: URL }): Response => {
  if (url.protocol === "http:") return new Response("{}");
  throw Object.assign(new Error("no TLS"), { code: "EPROTO" });
};

test("a host that is neither loopback nor listed as insecure never gets plain HTTP", async () => {
  const net = internet({ "r.io": plainOnly, "named.io": plainOnly });
  const options = { fetch: net.fetch, insecureRegistries: ["named.io"] };
  const { source } = await testSource("oci:r.io/ns/app", options);
  expect((await rejection(source.image())).message).toContain("EPROTO on the connection to r.io");
  expect(net.to("r.io").map(({ url }) => url.protocol)).toEqual(Array(5).fill("https:"));
  const named = await testSource("oci:named.io/ns/app", options);
  await rejection(named.source.image());
  expect(net.to("named.io").map(({ url }) => url.href)).toEqual([
    "https://named.io/v2/",
    "http://named.io/v2/",
    "http://named.io/v2/ns/app/manifests/latest",
  ]);
});
