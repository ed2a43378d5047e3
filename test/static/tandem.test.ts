/** Runs the built tandem in minimal environments, and in environments that try to make it run other code. */
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

/**
 * Makes a root folder with tandem, an image in a layout, and an empty folder for output, without /tmp, /etc and /dev.
 */
async function tandemRoot(
  copies: Readonly<Record<string, string>> = {},
): Promise<TemporaryFolder & { readonly image: Image }> {
  const root = await makeRoot({ copies: { tandem: TANDEM, ...copies } });
  mkdirSync(root.in("out"));
  const layers = [{ tar: systemMembers("1") }];
  return { ...root, image: await writeImage(root.in("layout"), { tag: "1", layers }) };
}

test("tandem prints its version in an empty root with /proc", async () => {
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

test("tandem writes a file system without standard streams and without /dev", async () => {
  await using root = await tandemRoot(MUSL);
  const shell = ["/bin/busybox", "sh", "-c", 'exec /tandem "$@" <&- >&- 2>&-', "sh"];
  expect(runIn(root, [proc], [...shell, ...WRITE]).status).toBe(0);
  await command("/sbin/e2fsck", "-fn", root.in("out/root.img"));
});

test("tandem writes a file system with the README's minimum of address space and descriptors", async () => {
  await using root = await tandemRoot(MUSL);
  const limits = 'ulimit -v 4194304; ulimit -n 64; exec /tandem "$@"';
  const words = ["/bin/busybox", "sh", "-c", limits, "sh", ...WRITE, "--jobs", "2"];
  const { stdout, status } = runIn(root, [proc], words);
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(WRITTEN) });
});

test("tandem in a read-only root writes only to its target", async () => {
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
  const setup = { environment: { ...environment }, folder: folder.path };
  expect(run([TANDEM, "config", "--json"], setup)).toEqual(run([TANDEM, "config", "--json"]));
  expect(run([TANDEM, "./evil.js"], setup)).toMatchObject({ stdout: "", status: 2 });
});

test("version --long lists the parts", () => {
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
  for (const name of ["ours", "others"]) await command("sh", "-ec", AUTHORITY, pems.path, name);
  for (const [name, days, host] of [
    ["right", "2", "registry.test"],
    ["expired", "-1", "registry.test"],
    ["elsewhere", "2", "other.test"],
  ] as const)
    await command("sh", "-ec", CERTIFICATE, pems.path, name, days, host);
  await Bun.write(pems.in("broken.pem"), BROKEN);
});
afterAll(() => pems[Symbol.asyncDispose]());

const NEW_KEY = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
/** Makes $1.pem with the key $1.key. */
const AUTHORITY = `cd "$0"; ${NEW_KEY} -x509 -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" 2>/dev/null`;
/** Makes $1.pem for the host $3, signed by ours.pem, valid for $2 days. */
const CERTIFICATE = `cd "$0"
${NEW_KEY} -subj "/CN=$3" -keyout "$1.key" -out "$1.csr" 2>/dev/null
echo "subjectAltName=DNS:$3" > "$1.cnf"
openssl x509 -req -in "$1.csr" -CA ours.pem -CAkey ours.key -CAcreateserial -days "$2" -extfile "$1.cnf" -out "$1.pem" 2>/dev/null`;
const BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const DEBIAN = "etc/ssl/certs/ca-certificates.crt";
const USED = " used\nstatus 0\n";
const refused = (why: string, hint: string): string =>
  `tandem: Cannot trust registry.test:5000: its certificate fails with ${why}\n  hint: ${hint}\nstatus 4\n`;
const unknown = (from: string): string =>
  refused(
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    `This machine trusts ${from}: add the authority to the system's store, or name its certificate in NODE_EXTRA_CA_CERTS=FILE`,
  );
const OWN = "tandem's built-in list of authorities";
const STORE = `"/${DEBIAN}"`;

interface Trust {
  readonly name: string;
  /** The certificate of the registry. Default: "right". */
  readonly certificate?: string;
  /** Maps a path in the root folder to one of the files made above. */
  readonly files?: Readonly<Record<string, string>>;
  readonly environment?: readonly string[];
  readonly end: string;
}

const TRUSTS: readonly Trust[] = [
  { name: "no store", end: unknown(OWN) },
  {
    name: "no store and no check",
    environment: ["NODE_TLS_REJECT_UNAUTHORIZED=0"],
    end: unknown(OWN),
  },
  { name: "the system's store", files: { [DEBIAN]: "ours" }, end: USED },
  { name: "another system's store", files: { "etc/ssl/cert.pem": "ours" }, end: USED },
  {
    name: "a file in the system's folder",
    files: { "etc/ssl/certs/0a1b2c3d.0": "ours" },
    end: USED,
  },
  { name: "a store of others", files: { [DEBIAN]: "others" }, end: unknown(STORE) },
  { name: "a store that is broken", files: { [DEBIAN]: "broken" }, end: unknown(OWN) },
  {
    name: "SSL_CERT_FILE",
    files: { [DEBIAN]: "others", "ca.pem": "ours" },
    environment: ["SSL_CERT_FILE=/ca.pem"],
    end: USED,
  },
  {
    name: "SSL_CERT_FILE in the place of the store",
    files: { [DEBIAN]: "ours", "ca.pem": "others" },
    environment: ["SSL_CERT_FILE=/ca.pem"],
    end: unknown('"/ca.pem"'),
  },
  {
    name: "SSL_CERT_DIR",
    files: { [DEBIAN]: "others", "more/ca.pem": "ours" },
    environment: ["SSL_CERT_DIR=/more"],
    end: USED,
  },
  {
    name: "NODE_EXTRA_CA_CERTS beside the store",
    files: { [DEBIAN]: "others", "ca.pem": "ours" },
    environment: ["NODE_EXTRA_CA_CERTS=/ca.pem"],
    end: USED,
  },
  {
    name: "NODE_EXTRA_CA_CERTS without a store",
    files: { "ca.pem": "ours" },
    environment: ["NODE_EXTRA_CA_CERTS=/ca.pem"],
    end: USED,
  },
  {
    name: "a file that is missing",
    files: { [DEBIAN]: "ours" },
    environment: ["SSL_CERT_FILE=/missing.pem"],
    end: 'tandem: Cannot read certificates from "/missing.pem" ($SSL_CERT_FILE): there is no such file\nstatus 2\n',
  },
  {
    name: "an expired certificate",
    certificate: "expired",
    files: { [DEBIAN]: "ours" },
    end: refused(
      "CERT_HAS_EXPIRED",
      "Correct the clock of this machine, or have the certificate renewed",
    ),
  },
  {
    name: "a certificate for another name",
    certificate: "elsewhere",
    files: { [DEBIAN]: "ours" },
    end: refused("ERR_TLS_CERT_ALTNAME_INVALID", "Use a name that the certificate is for"),
  },
];

test.each(TRUSTS.map((trust) => [trust.name, trust] as const))(
  "a registry with TLS, and %s",
  async (_, { certificate = "right", files = {}, environment = [], end }) => {
    const copies = Object.entries(files).map(([path, name]) => [path, pems.in(`${name}.pem`)]);
    await using root = await tandemRoot(Object.fromEntries(copies));
    await Bun.write(root.in("etc/hosts"), "127.0.0.1 registry.test\n");
    const script = `${proc} && env -i ${environment.join(" ")} "$(command -v chroot)" "$0" "$@" 2>&1; echo "status $?"`;
    const tls = { certificate: pems.in(`${certificate}.pem`), key: pems.in(`${certificate}.key`) };
    const source = `oci:${REGISTRY}/${NAME}:1`;
    const words = ["/tandem", "write", source, ...WRITE.slice(2)];
    const output = await atSite({ images: [root.image], tls, address: "127.0.0.1" }, [
      "sh",
      "-c",
      script,
      root.path,
      ...words,
    ]);
    expect(output).toEndWith(end);
  },
);
