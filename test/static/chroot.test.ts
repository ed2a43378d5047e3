/** Runs the packed binary in roots without a C library, or with another one. */
import { expect, test } from "bun:test";

import { makeRoot, MUSL, runIn, SETUP } from "./chroot.ts";
import type { Outcome } from "./probe.ts";

const { proc, loopback, readOnly } = SETUP;
const good = (value: unknown): Outcome => ({
  stdout: `${JSON.stringify(value)}\n`,
  stderr: "",
  status: 0,
});

test.each([
  [["hello"], "hello"],
  [
    ["squares", "3"],
    [0, 1, 4],
  ],
  [["ffi"], true],
  // The variables that the loader adds for the engine. tandem removes them before it starts another program.
  [["environment"], { BUN_JSC_useFTLJIT: "0" }],
  [["executable"], "/probe"],
  [["child", "/probe", "ffi"], { stdout: "true\n", stderr: "", status: 0 }],
])("in an empty root with /proc the probe does %j", async (words, value) => {
  await using root = await makeRoot();
  expect(runIn(root, [proc], ["/probe", ...words])).toEqual(good(value));
});

test("without /proc the binary prints one line and ends with status 127", async () => {
  await using root = await makeRoot();
  expect(runIn(root, [], ["/probe", "hello"])).toEqual({
    stdout: "",
    stderr: "tandem: Cannot start: /proc is not mounted (mount -t proc proc /proc)\n",
    status: 127,
  });
});

test("the binary runs in a read-only root", async () => {
  await using root = await makeRoot();
  expect(runIn(root, [readOnly, proc], ["/probe", "squares", "2"])).toEqual(good([0, 1]));
});

const NAMES = {
  "etc/hosts": "127.0.0.1 localhost\n192.0.2.7 from-hosts.test\n",
  "etc/resolv.conf": "nameserver 127.0.0.1\n",
};

test.each([
  ["no nsswitch.conf", {}],
  ["files and dns", { "etc/nsswitch.conf": "hosts: files dns\n" }],
  [
    "modules that are not there",
    { "etc/nsswitch.conf": "hosts: files mymachines resolve [!UNAVAIL=return] myhostname dns\n" },
  ],
  [
    "a module that is not an ELF file",
    {
      "etc/nsswitch.conf": "hosts: broken files dns\n",
      "lib/libnss_broken.so.2": "no ELF",
      "usr/lib/libnss_broken.so.2": "no ELF",
    },
  ],
])("on musl, with %s, names are found in /etc/hosts and by DNS", async (_, texts) => {
  await using root = await makeRoot({ texts: { ...NAMES, ...texts }, copies: MUSL });
  const words = ["/probe", "addresses", "from-hosts.test", "from-dns.test"];
  expect(runIn(root, [proc, loopback], words)).toEqual(good(["192.0.2.7", "127.0.0.1"]));
});

test("on musl a shell can start the binary, and the binary a shell", async () => {
  await using root = await makeRoot({ copies: MUSL });
  const words = ["/bin/busybox", "sh", "-c", "/probe child /bin/busybox echo from-busybox"];
  const child = { stdout: "from-busybox\n", stderr: "", status: 0 };
  expect(runIn(root, [proc], words)).toEqual(good(child));
});

test("on musl bun:ffi uses the binary's own libc.so.6", async () => {
  await using root = await makeRoot({ copies: MUSL });
  expect(runIn(root, [proc], ["/probe", "ffi"])).toEqual(good(true));
});

test("the host's /etc/ld.so.preload has no effect", async () => {
  const texts = { "etc/ld.so.preload": "/lib/libfoo.so\n", "lib/libfoo.so": "no ELF" };
  await using root = await makeRoot({ texts });
  expect(runIn(root, [proc], ["/probe", "hello"])).toEqual(good("hello"));
});

test.each([0, 1, 2])("the binary runs with vm.memfd_noexec = %i", async (value) => {
  await using root = await makeRoot();
  // Linux before 6.3 does not have this setting.
  const setting = `{ [ ! -e "$0/proc/sys/vm/memfd_noexec" ] || echo ${value} > "$0/proc/sys/vm/memfd_noexec"; }`;
  expect(runIn(root, [proc, setting], ["/probe", "hello"])).toEqual(good("hello"));
});
