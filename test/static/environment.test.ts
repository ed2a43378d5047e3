/** Nobody makes the binary run code or skip checks by its environment, its name or its working directory. */
import { expect, test } from "bun:test";
import { copyFileSync } from "node:fs";

import { EVIL, evilFolder } from "./evil-folder.ts";
import { ask, PROBE, run } from "./probe.ts";

test.each([
  { BUN_BE_BUN: "1" },
  { BUN_OPTIONS: "--preload ./evil.js" },
  { BUN_OPTIONS: "--eval 'process.exit(66)'" },
  { BUN_INSPECT: "ws://127.0.0.1:1/x?wait=1" },
  { BUN_INSPECT_PRELOAD: "./evil.js" },
  { BUN_INSPECT_CONNECT_TO: "127.0.0.1:1" },
  { BUN_JSC_dumpOptions: "1" },
  { BUN_JSC_useJIT: "maybe" },
  { NODE_OPTIONS: "--require ./evil.js" },
  { NODE_CHANNEL_FD: "1" },
  { NODE_COMPILE_CACHE: "." },
  { LD_PRELOAD: "./evil.js" },
  { LD_AUDIT: "./evil.js" },
  { LD_LIBRARY_PATH: "." },
  { LD_DEBUG: "all" },
  { LD_SHOW_AUXV: "1" },
  { LD_TRACE_LOADED_OBJECTS: "1" },
  { LD_BIND_NOW: "1" },
  { GLIBC_TUNABLES: "glibc.malloc.check=3:glibc.rtld.optional_static_tls=x" },
  { GCONV_PATH: "." },
  { MALLOC_CHECK_: "3", MALLOC_PERTURB_: "7" },
  { MIMALLOC_VERBOSE: "1" },
  { NODE_TLS_REJECT_UNAUTHORIZED: "0" },
  { HOME: ".", XDG_CONFIG_HOME: "." },
])("%j has no effect", async (environment) => {
  await using folder = await evilFolder();
  const setup = { environment: { ...environment }, folder: folder.path };
  expect(ask(["arguments", "./evil.js"], setup)).toEqual(["./evil.js"]);
});

/** What the binary adds for itself. tandem takes it out again, the probe does not. */
const ADDED = { BUN_JSC_useFTLJIT: "0" };

test("the program and its children get the environment without the removed variables, in order", () => {
  const kept = {
    PATH: "/bin",
    https_proxy: "http://127.0.0.1:1",
    NODE_EXTRA_CA_CERTS: "/nonexistent",
    LDAP: "kept: no underscore follows LD",
    TANDEM_DEBUG: "",
    LANG: "C.UTF-8",
  };
  const removed = {
    BUN_BE_BUN: "1",
    LD_PRELOAD: "",
    LD_X: "y",
    NODE_PATH: "/",
    MALLOC_ARENA_MAX: "1",
  };
  const environment = { LD_LIBRARY_PATH: "/", ...kept, ...removed, LAST: "kept" };
  const seen = { ...kept, LAST: "kept", ...ADDED };
  expect(ask(["environment"], { environment })).toEqual(seen);
  expect(ask(["child", PROBE, "environment"], { environment })).toEqual({
    stdout: `${JSON.stringify(seen)}\n`,
    stderr: "",
    status: 0,
  });
});

test("an environment with only removed variables has only the added variables", () => {
  const environment = { BUN_OPTIONS: "", LD_PRELOAD: "", BUN_JSC_useFTLJIT: "1" };
  expect(ask(["environment"], { environment })).toEqual(ADDED);
});

test.each(["bun", "bunx", "node", "npm"])(
  "it does not take itself for %s by its name",
  async (name) => {
    await using folder = await evilFolder();
    copyFileSync(PROBE, folder.in(name));
    const { stdout } = run([folder.in(name), "arguments", "./evil.js"], { folder: folder.path });
    expect(stdout).toBe('["./evil.js"]\n');
  },
);

test.each([
  [["--preload", "./evil.js"]],
  [["-e", EVIL]],
  [["run", "evil.js"]],
  [["--inspect", "--", "--config=bunfig.toml"]],
])("%j are arguments for the program", (words) => {
  expect(ask(["arguments", ...words])).toEqual(words);
});
