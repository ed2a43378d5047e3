/** A health check requests a service by HTTPS, with a certificate that openssl made. */
import { afterEach, expect, test } from "bun:test";

import { linuxProbe } from "../../src/system/probe.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

afterEach(() => {
  delete process.env["SSL_CERT_FILE"];
});

test("a health check trusts the same authorities as the registry client", async () => {
  await using folder = await temporaryFolder();
  const [key, cert] = [folder.in("key.pem"), folder.in("cert.pem")];
  await command(
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" "),
    ..."-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout".split(" "),
    key,
    "-out",
    cert,
  );
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { key: Bun.file(key), cert: Bun.file(cert) },
    fetch: () => new Response("well", { status: 203 }),
  });
  const url = `https://localhost:${server.port}/`;
  await expect(linuxProbe.httpStatus(url, 5)).rejects.toThrow("self signed certificate");
  process.env["SSL_CERT_FILE"] = cert;
  expect(await linuxProbe.httpStatus(url, 5)).toBe(203);
  process.env["SSL_CERT_FILE"] = folder.in("none");
  await expect(linuxProbe.httpStatus(url, 5)).rejects.toThrow("there is no such file");
});
