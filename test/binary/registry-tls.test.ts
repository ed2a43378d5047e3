/** Registries with TLS on this machine, and when tandem changes from TLS to plain HTTP. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";

import { ALONE } from "../peers/alone.ts";
import { command } from "../peers/command.ts";
import { pushImage, writeImage } from "../peers/image.ts";
import { startRegistry } from "../peers/registry.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { fakeImage } from "../fakes/image.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";
import { ended, type Run, spawn, systemMembers } from "./appliance.ts";

let folder: TemporaryFolder;
let tls: { readonly key: string; readonly cert: string };
beforeAll(async () => {
  folder = await temporaryFolder();
  await command("chmod", "777", folder.path);
  await command(
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" "),
    ..."-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout".split(" "),
    folder.in("key.pem"),
    "-out",
    folder.in("cert.pem"),
  );
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(folder.in(name), "utf8"));
  tls = { key: key ?? "", cert: cert ?? "" };
});
afterAll(() => folder[Symbol.asyncDispose]());

const UNTRUSTED = /Cannot trust 127\.0\.0\.1:\d+: .* DEPTH_ZERO_SELF_SIGNED_CERT/;

test.each([
  ["that is trusted", true, [], 0, /used$/m],
  ["that nobody knows", false, [], 4, UNTRUSTED],
  ["that nobody knows, of a registry that was named", false, ["HOST"], 0, /used$/m],
  ["that nobody knows, while another registry was named", false, ["other.lan"], 4, UNTRUSTED],
] as const)("docker-registry on this machine with a certificate %s", async (...row) => {
  const [, isTrusted, named, status, says] = row;
  const certificate = folder.in("cert.pem");
  const http = { tls: { certificate, key: folder.in("key.pem") } };
  await using registry = await startRegistry({ config: { http } });
  const layers = [{ tar: systemMembers("1") }];
  const image = await writeImage(folder.in(`layout-${registry.pid}`), { tag: "1", layers });
  await pushImage(image, { host: registry.host, name: "ns/app:1" });
  const flags = named.flatMap((host) => [
    "--insecure-registry",
    host === "HOST" ? registry.host : host,
  ]);
  const variables = { ...ALONE, ...(isTrusted ? { SSL_CERT_FILE: certificate } : {}) };
  const target = folder.in(`image-${registry.pid}`);
  const source = `oci:${registry.host}/ns/app:1`;
  const run: Run = await ended(
    spawn(["write", source, target, "--size", "16MiB", ...flags], { variables }),
  );
  expect({ ...run, stdout: "" }).toMatchObject({ status });
  expect(`${run.stdout}${run.stderr}`).toMatch(says);
  if (status !== 0) expect(run.stderr).toContain(`add --insecure-registry ${registry.host}`);
});

const image = fakeImage();

test("a server that has answered with TLS is never asked in plain HTTP later, not even by another thread", async () => {
  const registry = new FakeRegistry({ tls });
  registry.putImage(image);
  const { host } = registry;
  const options = { insecureRegistries: [host] };
  const { source } = await testSource(`oci:${host}/ns/app`, options);
  const { layers } = await source.image();
  await registry[Symbol.asyncDispose]();
  await using plain = new FakeRegistry({ port: Number(host.split(":")[1]) });
  plain.putImage(image);
  const [layer] = layers;
  if (layer === undefined) throw new Error("no layer");
  expect((await rejection(collect(source.blob(layer)))).code).toBe("network");
  const other = await testSource(`oci:${host}/ns/app`, { ...options, scheme: "https" });
  expect((await rejection(other.source.image())).code).toBe("network");
  expect(plain.requests).toEqual([]);
  const fresh = await testSource(`oci:${host}/ns/app`, options);
  expect((await fresh.source.image()).digest).toBe(image.digest);
});

test.each([
  ["a token service", 401, { "www-authenticate": 'Bearer realm="http://HOST/token"' }],
  ["a redirect", 307, { location: "http://HOST/elsewhere" }],
])("a registry with TLS that leads to plain HTTP by %s is refused", async (_, status, headers) => {
  await using registry = new FakeRegistry({ tls });
  await using plain = new FakeRegistry();
  for (const host of [registry.host, plain.host]) {
    const there = Object.entries(headers).map(([name, text]) => [name, text.replace("HOST", host)]);
    registry.script(
      "/v2/ns/app/manifests/latest",
      () => new Response("", { status, headers: Object.fromEntries(there) }),
    );
    const options = { insecureRegistries: [registry.host] };
    const { source } = await testSource(`oci:${registry.host}/ns/app`, options);
    expect(await rejection(source.image())).toMatchObject({
      code: "network",
      message: expect.stringContaining("it is not HTTPS"),
    });
  }
  expect(plain.requests).toEqual([]);
});
