import { expect, test } from "bun:test";

import { endpointOf, takesAnyCertificate, urlFault } from "../../src/oci/endpoint.ts";

test.each([
  ["docker.io", "https://registry-1.docker.io"],
  ["r.io", "https://r.io"],
  ["r.io:5000", "https://r.io:5000"],
])("the API of %p is at %p", (host, origin) => {
  expect(endpointOf({ host }, []).origin).toBe(origin);
  const plain = origin.replace("https:", "http:");
  expect(endpointOf({ host }, [], "http").origin).toBe(plain);
});

test.each([
  ["r.io", false],
  ["localhost:5000", true],
  ["127.9.9.9", true],
  ["[::1]:5000", true],
  ["10.0.0.1", false],
  ["x.localhost", false],
  ["127.0.0.1.example.com", false],
  ["named.lan:80", true],
  ["named.lan", false],
])("%p may use plain HTTP: %p", (host, may) => {
  expect(endpointOf({ host }, ["named.lan:80"]).mayBePlain).toBe(may);
});

test.each([
  ["https://r.lan:443/v2/", true],
  ["https://r.lan/v2/", true],
  ["https://store.lan/x", true],
  ["https://r.lan:444/", false],
  ["https://other.lan/", false],
])("any certificate of %p is accepted: %p", (url, any) => {
  const endpoint = endpointOf({ host: "r.lan:443" }, ["r.lan:443", "store.lan"]);
  expect(takesAnyCertificate(new URL(url), endpoint)).toBe(any);
});

test("on loopback a certificate must be valid, unless the host is listed as insecure", () => {
  const endpoint = endpointOf({ host: "127.0.0.1:5000" }, []);
  expect(takesAnyCertificate(new URL("https://127.0.0.1:5000/"), endpoint)).toBe(false);
});

test.each([
  ["https://auth.r.io/token", undefined],
  ["https://r.io/token", undefined],
  ["https://named.lan/token", undefined],
  ["http://named.lan/token", undefined],
  ["http://auth.r.io/token", "it is not HTTPS"],
  ["ftp://auth.r.io/token", "is not HTTP"],
  ["https://user:pw@auth.r.io/", "it contains credentials"],
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
])("a public registry redirects to %p: %p", (url, why) => {
  const got = urlFault(new URL(url), endpointOf({ host: "r.io" }, ["named.lan"]));
  if (why === undefined) expect(got).toBeUndefined();
  else expect(got).toContain(why);
});

test.each(["http://10.0.0.1/", "https://169.254.1.1/", "http://auth.r.io/"])(
  "a registry that is plain itself may send us to %p",
  (url) => {
    const endpoint = endpointOf({ host: "localhost:5000" }, [], "http");
    expect(urlFault(new URL(url), endpoint)).toBeUndefined();
  },
);

test.each([
  ["http://localhost:5001/token", "it is not HTTPS"],
  ["http://localhost:5000/token", "it is not HTTPS, which the registry uses"],
  ["https://10.0.0.1/", undefined],
])("a registry on loopback that uses TLS may redirect to %p: %p", (url, why) => {
  expect(urlFault(new URL(url), endpointOf({ host: "localhost:5000" }, []))).toBe(why);
});

test("an insecure registry that uses TLS may not redirect itself to plain HTTP", () => {
  const endpoint = endpointOf({ host: "r.lan" }, ["r.lan", "auth.lan"]);
  expect(urlFault(new URL("http://r.lan/token"), endpoint)).toContain("which the registry uses");
  expect(urlFault(new URL("http://auth.lan/token"), endpoint)).toBeUndefined();
});

test("a registry in a private network may redirect to private hosts, but not without TLS", () => {
  const endpoint = endpointOf({ host: "10.0.0.1" }, []);
  expect(urlFault(new URL("https://10.0.0.2/"), endpoint)).toBeUndefined();
  expect(urlFault(new URL("http://10.0.0.2/"), endpoint)).toBe("it is not HTTPS");
});
