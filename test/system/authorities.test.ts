import { expect, test } from "bun:test";
import { rootCertificates } from "node:tls";

import { findAuthorities } from "../../src/system/authorities.ts";
import { memoryFiles } from "../fakes/files.ts";

const [one = "", two = "", three = ""] = rootCertificates;
const DEBIAN = "/etc/ssl/certs/ca-certificates.crt";
const ALPINE = "/etc/ssl/cert.pem";
const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const OWN = "tandem's built-in list of authorities";

function find(
  content: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
) {
  const { certificates, from } = findAuthorities({ files: memoryFiles(content), environment });
  const names = new Map([one, two, three].map((text, at) => [text.trim(), at + 1]));
  return { from, certificates: certificates?.map((text) => names.get(text) ?? text) };
}

test.each([
  ["no store", {}, undefined, OWN],
  ["a bundle", { [DEBIAN]: `# one\n${one}\n# two\n${two}` }, [1, 2], `"${DEBIAN}"`],
  ["two bundles: the first one", { [DEBIAN]: one, [ALPINE]: two }, [1], `"${DEBIAN}"`],
  [
    "a bundle without a certificate and one with",
    { [DEBIAN]: "", [ALPINE]: two },
    [2],
    `"${ALPINE}"`,
  ],
  ["a bundle that is broken", { [DEBIAN]: BROKEN }, undefined, OWN],
  ["a bundle that is broken in part", { [DEBIAN]: `${BROKEN}${one}` }, [1], `"${DEBIAN}"`],
  ["a bundle with a certificate twice", { [DEBIAN]: `${one}\n${one}` }, [1], `"${DEBIAN}"`],
  ["a directory", { "/etc/ssl/certs/0a1b2c3d.0": one }, [1], `"/etc/ssl/certs"`],
  ["names that OpenSSL does not look for", { "/etc/ssl/certs/x.pem": one }, undefined, OWN],
  [
    "both",
    { [DEBIAN]: one, "/etc/ssl/certs/0a1b2c3d.0": one, "/etc/pki/tls/certs/0a1b2c3e.1": two },
    [1, 2],
    `"${DEBIAN}" and "/etc/pki/tls/certs"`,
  ],
])("findAuthorities() on a system with %s", (...row) => {
  const [, content, certificates, from] = row;
  expect(find({ ...content })).toEqual({ certificates, from } as never);
});

test.each([
  ["SSL_CERT_FILE", { SSL_CERT_FILE: "/two.pem" }, [2], `"/two.pem"`],
  ["SSL_CERT_DIR", { SSL_CERT_DIR: "/a:/b" }, [2, 3], `"/a" and "/b"`],
  ["both", { SSL_CERT_FILE: "/two.pem", SSL_CERT_DIR: "/b" }, [2, 3], `"/two.pem" and "/b"`],
  [
    "NODE_EXTRA_CA_CERTS",
    { NODE_EXTRA_CA_CERTS: "/two.pem" },
    [1, 2],
    `"${DEBIAN}" and "/two.pem"`,
  ],
  [
    "empty ones",
    { SSL_CERT_FILE: "", SSL_CERT_DIR: "", NODE_EXTRA_CA_CERTS: "" },
    [1],
    `"${DEBIAN}"`,
  ],
])("findAuthorities() with a store named by %s", (...row) => {
  const [, environment, certificates, from] = row;
  const content = { [DEBIAN]: one, "/two.pem": two, "/a/two.crt": two, "/b/three": three };
  expect(find(content, { ...environment })).toEqual({ certificates, from } as never);
});

test("findAuthorities() without a store names NODE_EXTRA_CA_CERTS, which the runtime reads itself", () => {
  const environment = { NODE_EXTRA_CA_CERTS: "/two.pem" };
  expect(find({ "/two.pem": two }, environment)).toEqual({
    certificates: undefined,
    from: `${OWN} and "/two.pem"`,
  });
});

test.each([
  ["SSL_CERT_FILE", "/none", "there is no such file"],
  ["NODE_EXTRA_CA_CERTS", "/none", "there is no such file"],
  ["SSL_CERT_FILE", "/broken", "it holds no certificate in PEM form"],
  ["NODE_EXTRA_CA_CERTS", "/broken", "it holds no certificate in PEM form"],
  ["SSL_CERT_DIR", "/none", "it is no directory with certificates in PEM form"],
])("findAuthorities() with %s=%s throws: %s", (variable, path, why) => {
  expect(() => find({ [DEBIAN]: one, "/broken": BROKEN }, { [variable]: path })).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot read certificates from "${path}" ($${variable}): ${why}`,
    }),
  );
});
