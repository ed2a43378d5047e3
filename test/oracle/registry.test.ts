/** Tests the client with a real registry with passwords, filled by skopeo, and with archives that skopeo wrote. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { $ } from "bun";

import { openSource, type LayeredSource } from "../../src/source/source.ts";
import { linuxFiles } from "../../src/system/files.ts";
import { layersOf } from "../../src/write/layers-of.ts";
import { descriptorOf, fakeImage, indexOf, pattern, platform, TYPES } from "../fakes/image.ts";
import { collect, rejection } from "../fakes/source.ts";
import { layoutMembers } from "../fakes/tar.ts";
import { type Registry, startRegistry } from "../peers/registry.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-registry-"));
const authFile = join(folder, "auth.json");
const amd64 = fakeImage({ layers: [pattern(20_000_000), pattern(1000)] });
const arm64 = fakeImage({ architecture: "arm64", layers: [pattern(5000)] });
const index = indexOf([
  descriptorOf(arm64, TYPES.manifest, platform("arm64", "v8")),
  descriptorOf(amd64, TYPES.manifest, platform("amd64")),
]);
let host = "";
let registry: Registry | undefined;

const named = (name: string) => ({ annotations: { "org.opencontainers.image.ref.name": name } });

/** A registry with the index as "all" and one image as "one". */
function writeLayout(): string {
  const top = indexOf([
    descriptorOf(index, TYPES.index, named("all")),
    descriptorOf(amd64, TYPES.manifest, named("one")),
  ]);
  const blobs = [index, amd64, arm64, ...amd64.blobs, ...arm64.blobs];
  const layout = join(folder, "layout");
  for (const { name, bytes = new Uint8Array(0) } of layoutMembers(top.bytes, blobs)) {
    mkdirSync(dirname(join(layout, name)), { recursive: true });
    writeFileSync(join(layout, name), bytes);
  }
  return layout;
}

beforeAll(async () => {
  const layout = writeLayout();
  registry = await startRegistry({ login: { user: "me", password: "s3cret" } });
  ({ host } = registry);
  await $`skopeo login --authfile ${authFile} --tls-verify=false -u me -p s3cret ${host}`.quiet();
  const copy = ["--authfile", authFile, "--dest-tls-verify=false", "--preserve-digests"];
  await $`skopeo copy ${copy} --all oci:${layout}:all docker://${host}/ns/app:all`.quiet();
  await $`skopeo copy ${copy} oci:${layout}:one docker://${host}/ns/app:one`.quiet();
  await $`skopeo copy oci:${layout}:one oci-archive:${folder}/one.tar:name`.quiet();
});

afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function open(
  text: string,
  environment: Record<string, string> = { REGISTRY_AUTH_FILE: authFile },
): Promise<LayeredSource> {
  const source = await openSource(text, {
    architecture: "amd64",
    insecureRegistries: [],
    environment,
    userId: 1000,
    files: linuxFiles,
    log() {},
  });
  return layersOf(source);
}

async function expectLayers(source: LayeredSource): Promise<void> {
  const { layers } = await source.image();
  expect(layers).toHaveLength(amd64.layers.length);
  for (const [at, layer] of layers.entries()) {
    const bytes = await collect(source.blob(layer));
    expect(Buffer.compare(bytes, amd64.blobs[at + 1]?.bytes ?? pattern(1))).toBe(0);
  }
}

test.each(["all", "one", `none@${index.digest}`, `one@${amd64.digest}`])(
  "reads %p from the registry as it was pushed",
  async (end) => {
    const text = end.includes("@") ? `@${end.split("@")[1]}` : `:${end}`;
    const source = await open(`oci:${host}/ns/app${text}`);
    expect((await source.image()).digest).toBe(amd64.digest);
    await expectLayers(source);
  },
);

test("resolves the same digest as skopeo", async () => {
  const docker = `docker://${host}/ns/app:one`;
  const seen: { Digest: string; Layers: string[] } =
    await $`skopeo inspect --authfile ${authFile} --tls-verify=false ${docker}`.json();
  const image = await (await open(`oci:${host}/ns/app:one`)).image();
  expect<string>(image.digest).toBe(seen.Digest);
  expect(image.layers.map(({ digest }) => digest as string)).toEqual(seen.Layers);
});

test("reports a missing login and a wrong password", async () => {
  const anonymous = await open(`oci:${host}/ns/app:one`, {});
  const without = await rejection(anonymous.image());
  expect(without.code).toBe("unauthorized");
  expect(without.message).toContain("401 UNAUTHORIZED: authentication required");
  expect(without.message).toContain("asked without credentials");
  const wrong = join(folder, "wrong.json");
  const auths = { [host]: { username: "me", password: "wr0ng" } };
  writeFileSync(wrong, JSON.stringify({ auths }));
  const source = await open(`oci:${host}/ns/app:one`, { REGISTRY_AUTH_FILE: wrong });
  const error = await rejection(source.image());
  expect(error.code).toBe("unauthorized");
  expect(error.message).toContain(`with the credentials from "${wrong}"`);
  expect(error.printed).not.toContain("wr0ng");
});

test.each([
  ["ns/app:none", "404 MANIFEST_UNKNOWN"],
  ["ns/none:one", "404"],
])("is told that there is no %p", async (name, why) => {
  const error = await rejection((await open(`oci:${host}/${name}`)).image());
  expect(error.code).toBe("source");
  expect(error.message).toContain(why);
});

test("refuses a blob that is damaged on the registry's disk", async () => {
  const hex = amd64.layers[1]?.digest.slice("sha256:".length) ?? "";
  const blobs = join(registry?.store ?? "", "docker/registry/v2/blobs/sha256");
  const data = join(blobs, hex.slice(0, 2), hex, "data");
  writeFileSync(data, pattern(1000).fill(1, 0, 1));
  const source = await open(`oci:${host}/ns/app:one`);
  const error = await rejection(expectLayers(source));
  expect(error.code).toBe("content");
  expect(error.message).toContain(`sha256:${hex}`);
});

test("reads an archive of skopeo, also with members in another order", async () => {
  const image = await (await open(`oci-archive:${folder}/one.tar:name`)).image();
  expect(image.layers.map(({ diffId }) => diffId)).toEqual(
    amd64.layers.map(({ digest }) => digest),
  );
  await $`mkdir ${folder}/out && tar -xf ${folder}/one.tar -C ${folder}/out`.quiet();
  cpSync(`${folder}/out`, `${folder}/again`, { recursive: true });
  const orders = [
    [`${folder}/first.tar`, "index.json", "oci-layout", "blobs"],
    [`${folder}/last.tar`, "./blobs", "./oci-layout", "./index.json"],
  ];
  for (const [archive = "", ...names] of orders) {
    await $`tar -cf ${archive} --format=pax -C ${folder}/again ${names}`.quiet();
    const source = await open(`oci-archive:${archive}:name`);
    expect((await source.image()).digest).toBe(image.digest);
    for (const layer of image.layers) await collect(source.blob(layer));
    source.close();
  }
  const layout = await open(`oci-layout:${folder}/again:name`);
  expect((await layout.image()).digest).toBe(image.digest);
});
