import { expect, test } from "bun:test";

import { endpointOf, whyNotTo } from "../../src/oci/endpoint.ts";

test.each([
  ["docker.io", "https://registry-1.docker.io"],
  ["r.io", "https://r.io"],
  ["r.io:5000", "https://r.io:5000"],
  ["localhost:5000", "http://localhost:5000"],
  ["127.9.9.9", "http://127.9.9.9"],
  ["[::1]:5000", "http://[::1]:5000"],
  ["10.0.0.1", "https://10.0.0.1"],
  ["x.localhost", "https://x.localhost"],
  ["127.0.0.1.example.com", "https://127.0.0.1.example.com"],
  ["plain.lan:80", "http://plain.lan:80"],
  ["plain.lan", "https://plain.lan"],
])("the API of %p is at %p", (host, origin) => {
  expect(endpointOf({ host }, ["plain.lan:80"]).origin).toBe(origin);
});

test.each([
  ["https://auth.r.io/token", undefined],
  ["https://r.io/token", undefined],
  ["https://named.lan/token", undefined],
  ["http://named.lan/token", undefined],
  ["http://auth.r.io/token", "it is not HTTPS"],
  ["ftp://auth.r.io/token", "is not HTTP"],
  ["https://user:pw@auth.r.io/", "it carries credentials"],
  ...[
    "169.254.169.254",
    "[::1]",
    "127.0.0.1",
    "0x7f.1",
    "2130706433",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "[::]",
    "[fd00::1]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
    "localhost",
    "x.localhost",
  ].map((host) => [`https://${host}/`, "address of a private network"] as const),
  ["https://172.32.0.1/", undefined],
  ["https://100.128.0.1/", undefined],
])("a public registry sends us to %p: %p", (url, why) => {
  const got = whyNotTo(new URL(url), endpointOf({ host: "r.io" }, ["named.lan"]));
  if (why === undefined) expect(got).toBeUndefined();
  else expect(got).toContain(why);
});

test.each(["http://10.0.0.1/", "https://169.254.1.1/", "http://auth.r.io/"])(
  "a registry that is plain itself may send us to %p",
  (url) => {
    expect(whyNotTo(new URL(url), endpointOf({ host: "localhost:5000" }, []))).toBeUndefined();
  },
);

test("a registry of a private network may send us to its neighbours, but not without TLS", () => {
  const endpoint = endpointOf({ host: "10.0.0.1" }, []);
  expect(whyNotTo(new URL("https://10.0.0.2/"), endpoint)).toBeUndefined();
  expect(whyNotTo(new URL("http://10.0.0.2/"), endpoint)).toBe("it is not HTTPS");
});
