/** tandem itself, as it is built, where there is little or nothing, and where somebody wants it to do something else. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

import { systemMembers, TANDEM } from "../binary/appliance.ts";
import { command } from "../peers/command.ts";
import { writeImage, type Image } from "../peers/image.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { makeRoot, MUSL, runIn, SETUP } from "./chroot.ts";
import { evilFolder } from "./evil-folder.ts";
import { run } from "./probe.ts";
import { atSite, NAME, REGISTRY } from "./site.ts";

const { proc, readOnly } = SETUP;
const WRITE = "write oci-layout:/layout:1 /out/root.img --size 16MiB".split(" ");
const WRITTEN = /^\/out\/root\.img holds sha256:[0-9a-f]{64}: \d+ inodes, .* used\n$/;

/** A root folder with tandem, an image in a layout, and an empty folder for what is written; no /tmp, no /etc, no /dev. */
async function tandemRoot(
  copies: Readonly<Record<string, string>> = {},
): Promise<TemporaryFolder & { readonly image: Image }> {
  const root = await makeRoot({ copies: { tandem: TANDEM, ...copies } });
  mkdirSync(root.in("out"));
  const layers = [{ tar: systemMembers("1") }];
  return { ...root, image: await writeImage(root.in("layout"), { tag: "1", layers }) };
}

test("in an empty root with /proc it says its version", async () => {
  await using root = await tandemRoot();
  const { stdout, stderr, status } = runIn(root, [proc], ["/tandem", "--version"]);
  expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  expect(stdout).toMatch(/^tandem \d+\.\d+\.\d+ \([0-9a-f]{12}(, modified)?\)\n$/);
});

test.each([
  ["in an empty root", { words: ["/tandem"], copies: {} }],
  ["on musl", { words: ["/tandem"], copies: MUSL }],
])("%s it writes a file system", async (_, { words, copies }) => {
  await using root = await tandemRoot(copies);
  const { stdout, stderr, status } = runIn(root, [proc], [...words, ...WRITE]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toMatch(WRITTEN);
  await command("/sbin/e2fsck", "-fn", root.in("out/root.img"));
});

test.each(["<&-", "2>&-", "<&- 2>&-"])(
  "with %s and without /dev it writes a file system",
  async (closed) => {
    await using root = await tandemRoot(MUSL);
    const shell = ["/bin/busybox", "sh", "-c", `exec /tandem "$@" ${closed}`, "sh"];
    const { stdout, status } = runIn(root, [proc], [...shell, ...WRITE]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(WRITTEN) });
  },
);

test("with no standard stream and no /dev it writes a file system", async () => {
  await using root = await tandemRoot(MUSL);
  const shell = ["/bin/busybox", "sh", "-c", 'exec /tandem "$@" <&- >&- 2>&-', "sh"];
  expect(runIn(root, [proc], [...shell, ...WRITE]).status).toBe(0);
  await command("/sbin/e2fsck", "-fn", root.in("out/root.img"));
});

test("with as little address space and as few descriptors as the README allows it writes a file system", async () => {
  await using root = await tandemRoot(MUSL);
  const limits = 'ulimit -v 4194304; ulimit -n 64; exec /tandem "$@"';
  const words = ["/bin/busybox", "sh", "-c", limits, "sh", ...WRITE, "--jobs", "2"];
  const { stdout, status } = runIn(root, [proc], words);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(WRITTEN) });
});

test("in a root that cannot be written it writes only where it is told to", async () => {
  await using root = await tandemRoot();
  const output = 'mount -t tmpfs tmpfs "$0/out"';
  const { stdout, stderr, status } = runIn(root, [readOnly, proc, output], ["/tandem", ...WRITE]);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toMatch(WRITTEN);
});

test.each([
  {},
  { BUN_BE_BUN: "1" },
  { BUN_OPTIONS: "--preload ./evil.js" },
  { BUN_INSPECT_PRELOAD: "./evil.js" },
  { NODE_OPTIONS: "--require ./evil.js" },
  { LD_PRELOAD: "./evil.js" },
  { LD_LIBRARY_PATH: "." },
  { HOME: "." },
])("beside files that Bun likes to read, %j has no effect", async (environment) => {
  await using folder = await evilFolder();
  const wish = { environment: { ...environment }, folder: folder.path };
  expect(run([TANDEM, "config", "--json"], wish)).toEqual(run([TANDEM, "config", "--json"]));
  expect(run([TANDEM, "./evil.js"], wish)).toMatchObject({ stdout: "", status: 2 });
});

test("version --long tells the parts", () => {
  const { stdout, status } = run([TANDEM, "version", "--long"]);
  expect(status).toBe(0);
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(/^tandem \d+\.\d+\.\d+ \([0-9a-f]{12}(, modified)?\)$/),
    expect.stringMatching(/^bun {4}1\.\d+\.\d+\+[0-9a-f]{9}$/),
    expect.stringMatching(/^libc {3}.*GLIBC 2\.\d+\S* \(LGPL, see THIRD-PARTY\)$/),
    "",
  ]);
});

test.each([
  "GNU C Library, ",
  "GNU LESSER GENERAL PUBLIC LICENSE",
  `Bun ${Bun.version}+`,
  "LGPL 2 or 2.1: JavaScriptCore",
  ...["citty", "consola", "ofetch", "valibot"].map((name) => `\n${name} `),
])("the notices beside it name %j", async (words) => {
  expect(await Bun.file(join(dirname(TANDEM), "THIRD-PARTY")).text()).toContain(words);
});

let pems: TemporaryFolder;
beforeAll(async () => {
  pems = await temporaryFolder();
  await command(
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" "),
    ..."-subj /CN=registry.test -addext subjectAltName=DNS:registry.test".split(" "),
    "-keyout",
    pems.in("key.pem"),
    "-out",
    pems.in("certificate.pem"),
  );
});
afterAll(() => pems[Symbol.asyncDispose]());

const REFUSED =
  "tandem: Cannot trust registry.test:5000: its certificate fails with DEPTH_ZERO_SELF_SIGNED_CERT\n" +
  "  hint: Name its authority's certificate in NODE_EXTRA_CA_CERTS=FILE, trust the system's by NODE_USE_SYSTEM_CA=1, or correct the clock\n" +
  "status 4\n";

test.each([
  ["nothing else", [], REFUSED],
  ["no check", ["NODE_TLS_REJECT_UNAUTHORIZED=0"], REFUSED],
  [
    "a file that is missing",
    ["NODE_EXTRA_CA_CERTS=/missing.pem"],
    `: No such file or directory\n${REFUSED}`,
  ],
  ["a file with the certificate", ["NODE_EXTRA_CA_CERTS=/certificate.pem"], " used\nstatus 0\n"],
  ["the system's certificates", ["NODE_USE_SYSTEM_CA=1"], " used\nstatus 0\n"],
])("a registry with a certificate of its own, given %s", async (_, environment, end) => {
  const certificate = pems.in("certificate.pem");
  await using root = await tandemRoot({
    "certificate.pem": certificate,
    "etc/ssl/certs/ca-certificates.crt": certificate,
  });
  await Bun.write(root.in("etc/hosts"), "127.0.0.1 registry.test\n");
  const script = `${proc} && env -i ${environment.join(" ")} "$(command -v chroot)" "$0" "$@" 2>&1; echo "status $?"`;
  const said = await atSite(
    {
      images: [root.image],
      tls: { certificate, key: pems.in("key.pem") },
      address: "127.0.0.1",
    },
    [
      "sh",
      "-c",
      script,
      root.path,
      "/tandem",
      "write",
      `oci:${REGISTRY}/${NAME}:1`,
      ...WRITE.slice(2),
    ],
  );
  expect(said).toEndWith(end);
});
