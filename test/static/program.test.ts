/** Runs the packed probe on this machine. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";

import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { ask, PROBE, shell } from "./probe.ts";

test.each([
  [["text"], "text from a file"],
  [
    ["squares", "8"],
    [0, 1, 4, 9, 16, 25, 36, 49],
  ],
  [["ffi"], true],
  [["executable"], PROBE],
  [
    ["arguments", "", "a b", "ü"],
    ["", "a b", "ü"],
  ],
])("the probe does %j", (words, value) => {
  expect(ask(words)).toEqual(value);
});

test("buildInfo() has the facts of the build", () => {
  expect(ask(["build"])).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    revision: expect.stringMatching(/^[0-9a-f]{12}$/),
    modified: expect.any(Boolean),
    bun: expect.stringMatching(/^1\.\d+\.\d+\+[0-9a-f]{9}$/),
    glibc: expect.stringMatching(/GLIBC 2\.\d+/),
  });
});

test("the program maps no file of the host except itself", () => {
  const files = (ask(["mapped"]) as string[]).filter((name) => !name.startsWith("["));
  // Compared as a set, because the order depends on the path of the probe.
  expect(new Set(files)).toEqual(
    new Set([
      "/memfd:libc.so.6 (deleted)",
      "/memfd:libdl.so.2 (deleted)",
      "/memfd:libm.so.6 (deleted)",
      "/memfd:libpthread.so.0 (deleted)",
      PROBE,
    ]),
  );
});

test("the program closes the loader's descriptors and keeps the caller's", () => {
  // The shell opens descriptor 9 before it executes the probe.
  const { stdout } = shell('exec 9</dev/zero; exec "$0" "$@"', ["descriptors"]);
  const links = JSON.parse(stdout) as string[];
  expect(links).toContain("9 /dev/zero");
  expect(links.filter((link) => link.includes("memfd"))).toEqual([]);
});

test("a child inherits nothing but the standard streams", () => {
  const { stdout } = ask(["child", "/bin/ls", "/proc/self/fd"]) as { readonly stdout: string };
  expect(stdout).toBe("0\n1\n2\n3\n"); // ls itself opens descriptor 3.
});

test.each(["<&-", "2>&-", "<&- 2>&-"])("the program runs with %s", (closed) => {
  expect(shell(`exec "$0" "$@" ${closed}`).stdout).toBe('"hello"\n');
});

const FEW_DESCRIPTORS =
  "tandem: Cannot start: no file descriptor is free; raise the limit (ulimit -n)\n";
const LITTLE_SPACE =
  "tandem: Cannot start: the limit on address space is less than 4 GiB; raise it (ulimit -v)\n";

test.each([
  ["ulimit -n 3", { stderr: FEW_DESCRIPTORS, status: 127 }],
  ["ulimit -n 7", { stderr: FEW_DESCRIPTORS, status: 127 }],
  ["ulimit -n 8", { stdout: '"hello"\n', status: 0 }],
  ["ulimit -v 4194303", { stderr: LITTLE_SPACE, status: 127 }],
  ["ulimit -v 4194304", { stdout: '"hello"\n', status: 0 }],
  ["ulimit -s 256", { stdout: '"hello"\n', status: 0 }],
  ["ulimit -c 0; unset HOME PATH", { stdout: '"hello"\n', status: 0 }],
])("with %s the program runs, or prints the reason in one line", (limit, outcome) => {
  expect(shell(`${limit}; exec "$0" "$@"`)).toMatchObject(outcome);
});

test("HTTPS checks certificates with Bun's authorities and with given ones", async () => {
  await using folder = await temporaryFolder();
  const [key, certificate] = [folder.in("key.pem"), folder.in("cert.pem")];
  await command(
    ..."openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" "),
    ..."-subj /CN=localhost -addext subjectAltName=DNS:localhost".split(" "),
    "-keyout",
    key,
    "-out",
    certificate,
  );
  expect(ask(["roots"])).toBeGreaterThan(100);
  expect(ask(["tls", key, certificate])).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  expect(ask(["tls", key, certificate, certificate])).toBe("hello over TLS");
  const extra = { NODE_EXTRA_CA_CERTS: certificate };
  expect(ask(["tls", key, certificate], { environment: extra })).toBe("hello over TLS");
  const unchecked = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  expect(ask(["tls", key, certificate], { environment: unchecked })).toBe(
    "DEPTH_ZERO_SELF_SIGNED_CERT",
  );
});

test("ldd lists the libraries by name and ends", () => {
  const { stdout, status } = spawnSync("ldd", [PROBE], { encoding: "utf8", timeout: 300_000 });
  expect(status).toBe(0);
  expect(stdout).toContain("libc.so.6");
});
