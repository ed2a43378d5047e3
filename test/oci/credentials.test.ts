import { expect, test } from "bun:test";

import { allSecrets, findCredentials } from "../../src/oci/credentials.ts";
import { parseReference } from "../../src/oci/reference.ts";
import type { Files } from "../../src/system/files.ts";
import { memoryFiles } from "../fakes/files.ts";

const basic = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });
const HOME = { HOME: "/home/me" };
const DOCKER = "/home/me/.docker/config.json";
const RUNTIME = "/run/containers/1000/auth.json";

function find(
  reference: string,
  content: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = HOME,
) {
  const lines: string[] = [];
  const texts = Object.entries(content).filter(([, value]) => !(value instanceof Error));
  const memory = memoryFiles(
    Object.fromEntries(
      texts.map(([path, value]) => [
        path,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  );
  const files: Files = {
    ...memory,
    readText(path) {
      const fault = content[path];
      if (fault instanceof Error) throw fault;
      return memory.readText(path);
    },
  };
  const found = findCredentials(parseReference(reference), {
    files,
    environment,
    userId: 1000,
    log: (line) => lines.push(line),
  });
  return { found, lines };
}

test.each([
  ["r.io/ns/app2", "ns"],
  ["r.io/ns/app", "app"],
  ["r.io/nsx/a", "host"],
  ["r.io/ns/app/deep", "app"],
  ["other.io/ns/app", undefined],
  ["r.io:5000/ns/app", undefined],
])("for %p the most specific key wins: %p", (reference, username) => {
  const auths = {
    "r.io": basic("host:p"),
    "r.io/ns": basic("ns:p"),
    "r.io/ns/app": basic("app:p"),
  };
  expect(find(reference, { [RUNTIME]: { auths } }).found).toEqual(
    username === undefined
      ? undefined
      : { kind: "password", from: RUNTIME, username, password: "p" },
  );
});

test("a key for a namespace is not for the whole host", () => {
  const { found } = find("r.io/other/app", { [RUNTIME]: { auths: { "r.io/ns": basic("u:p") } } });
  expect(found).toBeUndefined();
});

test.each([
  ["docker.io/a/b", "https://index.docker.io/v1/"],
  ["docker.io/a/b", "index.docker.io"],
  ["docker.io/a/b", "registry-1.docker.io"],
  ["r.io/a", "https://r.io"],
  ["r.io/a", "https://r.io/v2/"],
  ["r.io/a", "r.io/v1/"],
  ["r.io:5000/a", "http://r.io:5000/x"],
])("for %p the key %p counts like the host", (reference, key) => {
  const { found } = find(reference, { [DOCKER]: { auths: { [key]: basic("u:p") } } });
  expect(found?.from).toBe(DOCKER);
});

test.each([
  [basic("u:p:w"), { kind: "password", username: "u", password: "p:w" }, 0],
  [basic("u:p\0\0"), { kind: "password", username: "u", password: "p" }, 0],
  [{ username: "u", password: "p" }, { kind: "password", username: "u", password: "p" }, 0],
  [{ identitytoken: "t" }, { kind: "identity", token: "t" }, 0],
  [
    { ...basic("u:"), identitytoken: "t" },
    { kind: "identity", token: "t", username: "u", password: "" },
    0,
  ],
  [{ registrytoken: "t" }, { kind: "bearer", token: "t" }, 0],
  [basic("nouser"), undefined, 1],
  [basic(":p"), undefined, 1],
  [{ auth: "" }, undefined, 0],
  [{}, undefined, 0],
])("reads the entry %p", (entry, want, warnings) => {
  const { found, lines } = find("r.io/a", { [DOCKER]: { auths: { "r.io": entry } } });
  expect(found).toEqual(want === undefined ? undefined : ({ ...want, from: DOCKER } as never));
  expect(lines).toHaveLength(warnings);
  for (const line of lines) {
    expect(line).toEndWith(", continuing");
    expect(line).not.toContain(JSON.stringify(entry).slice(10, -2));
  }
});

const auths = { "r.io": basic("u:p") };

test.each([
  ["/elsewhere", { REGISTRY_AUTH_FILE: "/elsewhere", ...HOME }],
  ["/xdg/run/containers/auth.json", { XDG_RUNTIME_DIR: "/xdg/run", ...HOME }],
  ["/run/containers/1000/auth.json", HOME],
  ["/xdg/conf/containers/auth.json", { XDG_CONFIG_HOME: "/xdg/conf" }],
  ["/home/me/.config/containers/auth.json", HOME],
  ["/docker/config.json", { DOCKER_CONFIG: "/docker", ...HOME }],
  [DOCKER, HOME],
])("finds %p with %p", (path, environment) => {
  expect(find("r.io/a", { [path]: { auths } }, environment).found?.from).toBe(path);
});

test('reads .dockercfg, which has no "auths"', () => {
  const path = "/home/me/.dockercfg";
  expect(find("r.io/a", { [path]: auths }).found?.from).toBe(path);
});

test("the first file that knows the registry counts", () => {
  const content = {
    [RUNTIME]: { auths: { "other.io": basic("u:p") } },
    "/home/me/.config/containers/auth.json": { auths },
    [DOCKER]: { auths },
  };
  expect(find("r.io/a", content).found?.from).toBe("/home/me/.config/containers/auth.json");
});

const fault = (code: string): Error => Object.assign(new Error(`${code}: no luck`), { code });

test.each(["EACCES", "EPERM", "ENOTDIR", "ELOOP"])(
  "a default place that fails with %s is as good as absent, which is said with --debug",
  (code) => {
    const { found, lines } = find("r.io/a", { [RUNTIME]: fault(code), [DOCKER]: { auths } });
    expect(found?.from).toBe(DOCKER);
    expect(lines).toEqual([`Cannot read credentials from "${RUNTIME}": ${code}: no luck`]);
  },
);

test("a default file that fails for another reason is skipped with a warning", () => {
  const { found, lines } = find("r.io/a", { [RUNTIME]: fault("EIO"), [DOCKER]: { auths } });
  expect(found?.from).toBe(DOCKER);
  expect(lines).toEqual([`Cannot read credentials from "${RUNTIME}": EIO: no luck, continuing`]);
});

test.each([
  ["there is no such file", {}],
  ["EACCES: no luck", { "/named/config.json": fault("EACCES") }],
  ["EISDIR: no luck", { "/named/config.json": fault("EISDIR") }],
  ["it is not an auth file", { "/named/config.json": "{secret" }],
])("a file that was named and cannot be used is an error: %s", (why, content) => {
  const environment = { REGISTRY_AUTH_FILE: "/named/config.json", ...HOME };
  expect(() => find("r.io/a", { [DOCKER]: { auths }, ...content }, environment)).toThrow(
    expect.objectContaining({
      code: "usage",
      message: `Cannot read credentials from "/named/config.json" ($REGISTRY_AUTH_FILE): ${why}`,
    }),
  );
});

test("Docker's folder that was named may be empty, but must be readable", () => {
  const environment = { DOCKER_CONFIG: "/named", ...HOME };
  expect(find("r.io/a", {}, environment)).toEqual({ found: undefined, lines: [] });
  const content = { "/named/config.json": fault("EACCES") };
  expect(() => find("r.io/a", content, environment)).toThrow(
    `Cannot read credentials from "/named/config.json" ($DOCKER_CONFIG): EACCES: no luck`,
  );
});

test.each([`{"auths": secret`, `{"auths":{"r.io":{"auth":7}}}`, "7"])(
  "a file with %p is passed over, with a warning that does not quote it",
  (text) => {
    const { found, lines } = find("r.io/a", { [RUNTIME]: text, [DOCKER]: { auths } });
    expect(found?.from).toBe(DOCKER);
    expect(lines).toEqual([
      `Cannot read credentials from "${RUNTIME}": it is not an auth file, continuing`,
    ]);
  },
);

test.each([
  [{ credHelpers: { "r.io": "ecr-login" } }, "ecr-login"],
  [{ credsStore: "desktop", auths: { "https://r.io": {} } }, "desktop"],
])("says that %p needs a helper", (content, helper) => {
  const { found, lines } = find("r.io/a", { [DOCKER]: content });
  expect(found).toBeUndefined();
  expect(lines.join("\n")).toContain(`"${helper}", which tandem does not run, continuing`);
});

test("a helper for another registry is ignored, and credentials beside a helper are used", () => {
  const content = { credsStore: "desktop", auths };
  expect(find("r.io/a", { [DOCKER]: content })).toMatchObject({
    found: { username: "u" },
    lines: [],
  });
  expect(find("other.io/a", { [DOCKER]: content })).toEqual({ found: undefined, lines: [] });
});

test("allSecrets() gives each password and token of each file, for whatever registry", () => {
  const files = memoryFiles({
    "/run/user/1/containers/auth.json": JSON.stringify({
      auths: {
        "a.io": { auth: Buffer.from("me:of-a").toString("base64") },
        "b.io/ns": { username: "me", password: "of-b", identitytoken: "refresh-b" },
      },
    }),
    "/home/me/.dockercfg": JSON.stringify({ "c.io": { registrytoken: "bearer-c" } }),
  });
  const environment = { HOME: "/home/me", XDG_RUNTIME_DIR: "/run/user/1" };
  expect(allSecrets({ files, environment, userId: 1, log() {} })).toEqual([
    Buffer.from("me:of-a").toString("base64"),
    "of-a",
    "of-b",
    "of-b",
    "refresh-b",
    "bearer-c",
  ]);
});
