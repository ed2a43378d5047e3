import { expect, test } from "bun:test";
import { knownSecrets, learnCredentials } from "../../src/report/known-secrets.ts";
import { memoryFiles } from "../fakes/files.ts";

test.each([
  ["a proxy", { https_proxy: "http://me:s3cret-word@proxy:3128" }, {}],
  ["a proxy without a scheme", { http_proxy: "me:s3cret-word@proxy:3128" }, {}],
  ["a list", { TANDEM_INSECURE_REGISTRIES: "a:5000,me:s3cret-word@b" }, {}],
  ["a variable for a secret", { REGISTRY_TOKEN: "s3cret-word" }, {}],
  ["the configuration", {}, { health: { expect: { urls: ["http://me:s3cret-word@x/"] } } }],
])("knownSecrets() learns from %s", (_, environment, config) => {
  const secrets = knownSecrets({ environment }, config);
  expect(secrets.areIn("it said s3cret-word aloud")).toBe(true);
  expect(secrets.areIn("it said proxy:3128 and a:5000 aloud")).toBe(false);
});

test("learnCredentials() learns what files of credentials hold", () => {
  const auth = Buffer.from("me:s3cret-word").toString("base64");
  const files = memoryFiles({ "/auth.json": JSON.stringify({ auths: { "r.io": { auth } } }) });
  const environment = { REGISTRY_AUTH_FILE: "/auth.json" };
  const secrets = knownSecrets({ environment }, {});
  learnCredentials({ files, environment, userId: 1 }, secrets);
  expect(secrets.areIn("it said s3cret-word aloud")).toBe(true);
  expect(secrets.areIn(`it said ${auth} aloud`)).toBe(true);
});

test("learnCredentials() says which named file cannot be used, and nothing of what is in it", () => {
  const files = memoryFiles({ "/auth.json": "{ s3cret-word" });
  const environment = { REGISTRY_AUTH_FILE: "/auth.json" };
  expect(() =>
    learnCredentials({ files, environment, userId: 1 }, knownSecrets({ environment }, {})),
  ).toThrow(
    'Cannot read credentials from "/auth.json" ($REGISTRY_AUTH_FILE): it is not an auth file',
  );
});
