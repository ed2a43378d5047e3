/** Registries and token services that send back secrets: neither a message nor a log line may show one. */
import { expect, test } from "bun:test";

import { descriptorOf, fakeImage, TYPES } from "../fakes/image.ts";
import { FakeRegistry, type Script, type Seen } from "../fakes/registry.ts";
import { collect, rejection, testSource } from "../fakes/source.ts";

const PASSWORD = "c0rrect-h0rse.battery";
const REFRESH = "refresh-t0ken.of.mine";
const TOKEN = "acce55.t0ken-of-mine";
const PAIR = Buffer.from(`me:${PASSWORD}`).toString("base64");
const LATEST = "/v2/ns/app/manifests/latest";
const image = fakeImage();

/** Every secret that a server gets with a request. */
const knownOf = ({ headers, body }: Seen): string =>
  `${headers.get("authorization") ?? ""} ${body} ${PASSWORD}`;
const says =
  (status: number, more: (known: string) => Record<string, string> = () => ({})): Script =>
  (seen) =>
    new Response(
      JSON.stringify({
        errors: [{ code: `C ${knownOf(seen)}`, message: knownOf(seen), detail: knownOf(seen) }],
        error_description: knownOf(seen),
      }),
      { status, headers: more(knownOf(seen).replaceAll(/[^ -~]/g, "")) },
    );
const basic: Script = () =>
  new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });

interface Case {
  readonly name: string;
  readonly entry?: Readonly<Record<string, string>>;
  readonly scripts: (registry: FakeRegistry) => Readonly<Record<string, readonly Script[]>>;
}

const bearer =
  (registry: FakeRegistry): Script =>
  () =>
    new Response("", {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="http://${registry.host}/token"` },
    });
const grant: Script = () => Response.json({ token: TOKEN });

const CASES: readonly Case[] = [
  ...[400, 401, 403, 404, 416, 500, 503].map((status) => ({
    name: `an error of status ${status}`,
    scripts: () => ({ [LATEST]: [basic, says(status)] }),
  })),
  ...[400, 401, 403, 404, 500].map((status) => ({
    name: `a token service's error of status ${status}`,
    scripts: (registry: FakeRegistry) => ({
      [LATEST]: [bearer(registry)],
      "/token": [says(status)],
    }),
  })),
  {
    name: "a token service's error about a refresh token",
    entry: { identitytoken: REFRESH },
    scripts: (registry) => ({ [LATEST]: [bearer(registry)], "/token": [says(400)] }),
  },
  {
    name: "a token service's answer that is no token",
    scripts: (registry) => ({ [LATEST]: [bearer(registry)], "/token": [says(200)] }),
  },
  {
    name: "an error about a token",
    scripts: (registry) => ({ [LATEST]: [bearer(registry), says(403)], "/token": [grant] }),
  },
  {
    name: "a challenge",
    scripts: () => ({
      [LATEST]: [basic, says(401, (known) => ({ "www-authenticate": `Bearer realm="${known}"` }))],
    }),
  },
  {
    name: "the name of a token service",
    scripts: () => ({
      [LATEST]: [
        basic,
        says(401, () => ({ "www-authenticate": `Bearer realm="ftp://${PASSWORD}.evil.test/"` })),
      ],
    }),
  },
  {
    name: "a redirect to a host with a name of its choice",
    scripts: () => ({
      [LATEST]: [basic, says(307, () => ({ location: `ftp://${PASSWORD}.evil.test/` }))],
    }),
  },
  {
    name: "a redirect to a URL with it in the query, and what is said there",
    scripts: (registry) => ({
      [LATEST]: [
        basic,
        says(307, () => ({ location: `http://${registry.host}/there?token=${TOKEN}` })),
      ],
      "/there": [
        ({ query }) =>
          Response.json({ errors: [{ message: query.get("token") }] }, { status: 400 }),
      ],
    }),
  },
  {
    name: "the type of a manifest",
    scripts: () => ({
      [LATEST]: [
        basic,
        (seen) => new Response("{}", { headers: { "content-type": knownOf(seen).trim() } }),
      ],
    }),
  },
  {
    name: "a manifest that is no JSON",
    scripts: () => ({ [LATEST]: [basic, (seen) => new Response(knownOf(seen))] }),
  },
  {
    name: "the members of a manifest",
    scripts: () => ({
      [LATEST]: [
        basic,
        (seen) => Response.json({ schemaVersion: 2, mediaType: knownOf(seen), config: {} }),
      ],
    }),
  },
  {
    name: "a digest in a manifest",
    scripts: () => ({
      [LATEST]: [
        basic,
        () => {
          const layer = { ...descriptorOf(image, TYPES.layer), digest: `${PASSWORD}:${PASSWORD}` };
          return Response.json({
            schemaVersion: 2,
            mediaType: TYPES.manifest,
            config: descriptorOf(image, TYPES.manifest),
            layers: [layer],
          });
        },
      ],
    }),
  },
];

test.each(CASES.map((one) => [one.name, one] as const))("%s", async (_, { entry, scripts }) => {
  await using registry = new FakeRegistry();
  for (const [path, answers] of Object.entries(scripts(registry)))
    registry.script(path, ...answers);
  const auths = { [registry.host]: { username: "me", password: PASSWORD, ...entry } };
  const { source, lines } = await testSource(`oci:${registry.host}/ns/app`, {
    environment: { REGISTRY_AUTH_FILE: "/auth.json" },
    content: { "/auth.json": JSON.stringify({ auths }) },
  });
  const error = await rejection(source.image());
  expect(error.message).toStartWith("Cannot ");
  const printed = [error.printed, ...lines].join("\n").toLowerCase();
  for (const secret of [PASSWORD, REFRESH, TOKEN, PAIR])
    expect(printed).not.toContain(secret.toLowerCase());
});

test("the Content-Encoding of a blob", async () => {
  await using registry = new FakeRegistry();
  registry.putImage(image);
  const [layer] = image.layers;
  if (layer === undefined) throw new Error("no layer");
  registry.script(`/v2/ns/app/blobs/${layer.digest}`, basic, () => {
    return new Response("x", { headers: { "content-encoding": PASSWORD } });
  });
  const auths = { [registry.host]: { username: "me", password: PASSWORD } };
  const { source } = await testSource(`oci:${registry.host}/ns/app`, {
    environment: { REGISTRY_AUTH_FILE: "/auth.json" },
    content: { "/auth.json": JSON.stringify({ auths }) },
  });
  const error = await rejection(collect(source.blob(layer)));
  expect(error.message).toContain("Content-Encoding is (not shown");
  expect(error.printed).not.toContain(PASSWORD);
});
