import { expect, test } from "bun:test";
import { Secrets } from "../../src/oci/secrets.ts";
import { Redactor } from "../../src/report/redact.ts";

function redactor(...known: readonly string[]): Redactor {
  const secrets = new Secrets();
  for (const secret of known) secrets.learnSecret(secret);
  return new Redactor(secrets);
}

test.each([
  [
    "a URL's userinfo",
    "proxy http://me:s3cret@proxy:3128/x",
    "proxy http://(removed)@proxy:3128/x",
  ],
  ["a password with an @", "http://me:p@s3cret@host/", "http://(removed)@host/"],
  ["an image reference's userinfo", "oci:me:s3cret@reg.io/os:1", "oci:(removed)@reg.io/os:1"],
  ["a reference in quotes", 'parse "me:s3cret@reg.io/os"', 'parse "(removed)@reg.io/os"'],
  ["a header", "Authorization: Basic bWU6czNjcmV0", "Authorization: Basic (removed)"],
  ["a header in JSON", '{"Authorization":"Bearer s3cret.s3cret"}', '{"Authorization":(removed)}'],
  ["a token", "eyJhbGciOi.eyJzM2NyZXQ.s3cret", "(removed)"],
  ["a variable", "REGISTRY_TOKEN=s3cret next", "REGISTRY_TOKEN=(removed) next"],
  ["YAML", "password: s3cret", "password: (removed)"],
  ["JSON", '{"auth": "bWU6czNjcmV0", "a": 1}', '{"auth": (removed), "a": 1}'],
  ["JSON with a quote", '{"password":"a\\"s3cret"}', '{"password":(removed)}'],
  ["a signed URL", "https://cdn/x?sig=s3cret&a=1", "https://cdn/x?sig=(removed)&a=1"],
  [
    "a signed URL of S3",
    "https://s3/x?X-Amz-Security-Token=s3cret",
    "https://s3/x?X-Amz-Security-Token=(removed)",
  ],
  ["the kernel's command line", "ro rd.luks.key=/s3cret quiet", "ro rd.luks.key=(removed) quiet"],
  [
    "a credential of systemd",
    "systemd.set_credential=a:s3cret ro",
    "systemd.set_credential=(removed) ro",
  ],
  ["an argument", "k3s server --token s3cret --debug", "k3s server --token (removed) --debug"],
  ["a key of a VPN", "TS_AUTHKEY=s3cret psk=s3cret", "TS_AUTHKEY=(removed) psk=(removed)"],
  [
    "the end of a private key",
    "czNjcmV0\nczNjcmV0==\n-----END PRIVATE KEY-----\nafter",
    "(removed)\nafter",
  ],
  [
    "a private key",
    "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----\nafter",
    "(removed)\nafter",
  ],
])("text() removes %s", (_, text, expected) => {
  expect(redactor().text(text)).toBe(expected);
});

test.each([
  "oci:debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "slot a holds sha256:0123: oci:reg.io:5000/os/edge:2.4",
  "10:02:03 systemd[1]: Started getty@tty1.service - Getty on tty1.",
  "root=PARTUUID=0fc63daf-8483-4772-8e79-3d69d8477de4 ro panic=10 tandem.slot=a",
  "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
  "unauthorized: the registry wants other credentials",
  "--authentication-token-webhook --v=2",
  "the key is missing, and the author knows",
])("text() keeps %s", (text) => {
  expect(redactor("s3cret-known").text(text)).toBe(text);
});

test("text() removes each line that holds a known secret, as it is or encoded", () => {
  const secret = "correct horse battery";
  const lines = [
    "before",
    `said ${secret} aloud`,
    `basic64 ${Buffer.from(`me:${secret}`).toString("base64")}`,
    encodeURIComponent(secret),
    "after",
  ];
  const hidden = "(this line is removed: it holds a secret)";
  const expected = ["before", hidden, hidden, hidden, "after"];
  expect(redactor(secret).text(lines.join("\n"))).toBe(expected.join("\n"));
});

test("json() keeps the structure and removes secrets at any depth", () => {
  const value = {
    source: "oci:me:s3cret@reg.io/os",
    list: [1, true, null, "http://me:s3cret@x/"],
    health: { token: "s3cret", text: "fine" },
  };
  expect(redactor().json(value)).toEqual({
    source: "oci:(removed)@reg.io/os",
    list: [1, true, null, "http://(removed)@x/"],
    health: { token: "(removed)", text: "fine" },
  });
});
