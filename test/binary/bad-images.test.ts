/** Content of a registry that tandem must refuse: with the right status, a message that names it, and the old system intact. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.ts";
import { descriptorOf, fakeImage, type FakeImage, TYPES } from "../fakes/image.ts";
import { cpio } from "../e2e/cpio.ts";
import { FakeRegistry } from "../fakes/registry.ts";
import { ALONE } from "../peers/alone.ts";
import { tar } from "../peers/tar.ts";
import {
  appliance,
  ended,
  forgetTemplate,
  type Run,
  spawn,
  systemLayer,
  systemMembers,
  tandem,
} from "./appliance.ts";

const GZIP = `${TYPES.layer}+gzip`;

interface Case {
  readonly name: string;
  readonly image?: FakeImage;
  readonly script?: (registry: FakeRegistry, image: FakeImage) => void;
  readonly reference?: string;
  readonly status: number;
  readonly says: RegExp;
  /** Manifest and configuration show the fault, so the passive slot is not changed. */
  readonly early?: true;
}

const good = fakeImage({ layers: [systemLayer("2")] });
const blobPath = (image: FakeImage): string => `/v2/ns/app/blobs/${image.blobs[1]?.digest}`;
const MANIFEST = "/v2/ns/app/manifests/latest";
/** The server asks the client to retry at once, so no test waits. */
const answer =
  (status: number, headers: Record<string, string> = { "retry-after": "0" }) =>
  (): Response =>
    new Response(`{"errors":[{"code":"TEST","message":"told to"}]}`, { status, headers });

/** An image with a compressed layer and any diff id. */
function gzipped(
  layer: Uint8Array,
  options: { readonly diffId?: string; readonly cut?: number } = {},
): FakeImage {
  const whole = gzipSync(layer);
  const bytes = whole.subarray(0, whole.byteLength - (options.cut ?? 0));
  const diffId = options.diffId ?? digestOf(layer);
  const base = fakeImage({
    layers: [bytes],
    config: { rootfs: { type: "layers", diff_ids: [diffId] } },
  });
  const [, blob] = base.blobs;
  if (blob === undefined) throw new Error("no layer");
  return fakeImage({
    layers: [bytes],
    config: { rootfs: { type: "layers", diff_ids: [diffId] } },
    manifest: { layers: [descriptorOf(blob, GZIP)] },
  });
}

const flipped = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, index) => (index === 700 ? byte ^ 1 : byte));

const CASES: readonly Case[] = [
  { name: "a malformed reference", reference: "oci:Bad//Name", status: 3, says: /Bad\/\/Name/ },
  { name: "an unknown kind of source", reference: "ftp:x", status: 3, says: /oci-archive/ },
  { name: "an unknown tag", reference: "oci:HOST/ns/app:none", status: 3, says: /ns\/app/ },
  { name: "an unknown repository", reference: "oci:HOST/ns/other:1", status: 3, says: /ns\/other/ },
  {
    name: "status 401",
    script: (r) => r.script(MANIFEST, answer(401, { "www-authenticate": 'Basic realm="x"' })),
    status: 5,
    says: /without credentials/,
  },
  { name: "status 403", script: (r) => r.script(MANIFEST, answer(403)), status: 5, says: /403/ },
  {
    name: "status 404",
    script: (r) => r.script(MANIFEST, answer(404)),
    status: 3,
    says: /404|not found/i,
  },
  { name: "status 429", script: (r) => r.script(MANIFEST, answer(429)), status: 4, says: /429/ },
  { name: "status 500", script: (r) => r.script(MANIFEST, answer(500)), status: 4, says: /500/ },
  {
    name: "a blob of status 503",
    script: (r, image) => r.script(blobPath(image), answer(503)),
    status: 4,
    says: /503/,
  },
  {
    name: "a blob with wrong bytes",
    script: (r, image) => r.put(blobPath(image), flipped(systemLayer("2"))),
    status: 6,
    says: /sha256:/,
  },
  {
    name: "a blob that is too long",
    script: (r, image) => r.put(blobPath(image), new Uint8Array([...systemLayer("2"), 0])),
    status: 6,
    says: /bytes/,
  },
  {
    name: "a diff id that is not the layer's",
    image: gzipped(systemLayer("2"), { diffId: digestOf(new Uint8Array(1)) }),
    status: 6,
    says: /decompresses to/,
  },
  {
    name: "a truncated gzip",
    image: gzipped(systemLayer("2"), { cut: 40 }),
    status: 6,
    says: /gzip|truncated|ends/i,
  },
  {
    name: "a broken tar",
    image: fakeImage({ layers: [flipped(systemLayer("2")).fill(7, 148, 156)] }),
    status: 6,
    says: /checksum/,
  },
  {
    name: "a path that leaves the root",
    image: fakeImage({ layers: [systemLayer("2", [{ path: "../../etc/passwd", data: "x" }])] }),
    status: 6,
    says: /\.\.\/\.\.\/etc\/passwd/,
  },
  {
    name: "an image for another architecture",
    image: fakeImage({ layers: [systemLayer("2")], architecture: "arm64" }),
    status: 6,
    says: /arm64/,
    early: true,
  },
  {
    name: "an image without layers",
    image: fakeImage({ layers: [] }),
    status: 6,
    says: /no layers/,
    early: true,
  },
  {
    name: "an image with a kernel that is none",
    image: fakeImage({ layers: [systemLayer("2", [{ path: "boot/vmlinuz", data: "a kernel" }])] }),
    status: 6,
    says: /\/boot\/vmlinuz is no Linux kernel/,
  },
  {
    name: "an image with an initrd that is none",
    image: fakeImage({ layers: [systemLayer("2", [{ path: "boot/initrd", data: "an initrd" }])] }),
    status: 6,
    says: /\/boot\/initrd is no cpio archive/,
  },
  {
    name: "an image without an init",
    image: fakeImage({ layers: [systemLayer("2", [{ path: "boot/initrd", data: cpio([]) }])] }),
    status: 6,
    says: /there is no init in it, nor in its initrd/,
  },
  {
    name: "an image with options that GRUB would change",
    image: fakeImage({
      layers: [systemLayer("2", [{ path: "etc/kernel/cmdline", data: "a /*" }])],
    }),
    status: 6,
    says: /GRUB takes "\/\*" for a pattern/,
  },
  {
    name: "an image without a kernel",
    image: fakeImage({ layers: [tar([{ path: "etc/x", data: "x" }])] }),
    status: 6,
    says: /kernel/,
  },
  {
    name: "an image that is larger than the slot, by its size",
    image: fakeImage({
      layers: [systemLayer("2", [{ path: "big", data: new Uint8Array(17 * 1024 * 1024) }])],
    }),
    status: 7,
    says: /needs .* has/,
  },
  {
    name: "an image that unpacks to more than the slot",
    image: gzipped(
      tar([...systemMembers("2"), { path: "big", data: new Uint8Array(20 * 1024 * 1024) }]),
    ),
    status: 7,
    says: /MiB|bytes/,
  },
];

test.each(CASES)(
  "$name is refused with status $status",
  async ({ image = good, script, reference, status, says, early }) => {
    await using registry = new FakeRegistry();
    await using machine = await appliance();
    registry.putImage(image);
    script?.(registry, image);
    const before = machine.record();
    const hashBefore = hashOf(machine.disk);
    const source = (reference ?? "oci:HOST/ns/app:latest").replace("HOST", registry.host);
    const run = await tandem("upgrade", "--disk", machine.disk, "--source", source);
    expect({ status: run.status, stderr: run.stderr, stdout: run.stdout }).toEqual({
      status,
      stderr: expect.stringMatching(says),
      stdout: "",
    });
    expect(run.stderr).toMatch(/^tandem: Cannot /m);
    expect(machine.record()).toEqual(before);
    expect(await machine.isWhole()).toBe(true);
    if (early === true) expect(hashOf(machine.disk)).toBe(hashBefore);
  },
);

function hashOf(path: string): bigint {
  return Bun.hash.xxHash3(readFileSync(path));
}

test("a registry that is down is refused with status 4", async () => {
  await using machine = await appliance();
  const gone = new FakeRegistry();
  const { host } = gone;
  await gone[Symbol.asyncDispose]();
  const run = await tandem("upgrade", "--disk", machine.disk, "--source", `oci:${host}/ns/app:1`);
  expect(run.stderr).toContain(host);
  expect(run.status).toBe(4);
  expect(await machine.isWhole()).toBe(true);
});

/** Tools that run as root make /run/containers with mode 0700, which the user nobody cannot read. */
const CLOSED = 'mount -t tmpfs tmpfs /run && mkdir -m 700 /run/containers && exec "$@"';

test("when this user cannot read /run/containers, credentials are searched elsewhere without a warning", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  registry.putImage(good);
  const { XDG_RUNTIME_DIR: _, ...variables } = ALONE;
  const upgrade = async (...flags: readonly string[]): Promise<Run> =>
    ended(
      spawn(
        [
          "upgrade",
          "--disk",
          machine.disk,
          "--source",
          `oci:${registry.host}/ns/app:latest`,
          ...flags,
        ],
        { variables, view: CLOSED },
      ),
    );
  const loud = await upgrade("--dry-run", "--debug");
  expect(loud.stderr).toMatch(
    /Cannot read credentials from "\/run\/containers\/\d+\/auth.json": EACCES/,
  );
  const run = await upgrade();
  expect(run.stderr).not.toContain("Cannot");
  expect(run.status).toBe(0);
});

test("the password is not printed when a registry sends it back, not even with --debug", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  const challenge = { "www-authenticate": 'Basic realm="x"' };
  registry.script(MANIFEST, answer(401, challenge), ({ headers }) => {
    const header = headers.get("authorization") ?? "";
    const known = `${header} ${atob(header.replace("Basic ", ""))}`;
    return Response.json({ errors: [{ code: "ECHO", message: known }] }, { status: 400 });
  });
  const auth = btoa("me:c0rrect-h0rse");
  const file = machine.folder.in("auth.json");
  writeFileSync(file, JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const source = `oci:${registry.host}/ns/app:latest`;
  const args = ["upgrade", "--disk", machine.disk, "--source", source, "--debug"];
  const run = await ended(spawn(args, { variables: { ...ALONE, REGISTRY_AUTH_FILE: file } }));
  expect(run.status).toBe(4);
  expect(run.stderr).toContain("says 400 (not shown: it contains a secret that was sent)");
  for (const secret of [auth, "c0rrect"]) expect(run.stderr).not.toContain(secret);
});

test("after a refusal the next upgrade succeeds", async () => {
  await using registry = new FakeRegistry();
  await using machine = await appliance();
  registry.putImage(gzipped(systemLayer("2"), { cut: 40 }));
  const source = `oci:${registry.host}/ns/app:latest`;
  expect((await tandem("upgrade", "--disk", machine.disk, "--source", source)).status).toBe(6);
  registry.putImage(good);
  const run = await tandem("upgrade", "--disk", machine.disk, "--source", source);
  expect(run.stderr).not.toContain("Cannot");
  expect(run.status).toBe(0);
  expect(machine.record()).toMatchObject({ good: "a", trial: "b", tries: 3 });
  expect((await tandem("verify", "b", "--disk", machine.disk)).status).toBe(0);
});

afterAll(forgetTemplate);
