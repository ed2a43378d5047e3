import { expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { writeFileSync } from "node:fs";
import { SILENT } from "../../src/lib/talk.ts";
import type { Part } from "../../src/report/bundle.ts";
import { makeReport } from "../../src/report/report.ts";
import { single } from "../../src/report/single.ts";
import type { System } from "../../src/system/system.ts";
import { withEvent } from "../../src/control/state.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { machineWith, systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

const image = await wholeDisk();
const { signal } = new AbortController();
const DISK = { disk: "/disk.img" };
const PROC = {
  "/proc/cmdline": "ro\n",
  "/proc/self/mountinfo": "1 2 3\n",
  "/proc/partitions": "8 0 sda\n",
  "/proc/version": "Linux\n",
  "/etc/os-release": "VERSION=1\n",
};

/** A machine from which every part can be collected. */
function wholeSystem(): System {
  return {
    ...systemWith(image.file()),
    files: memoryFiles(PROC),
    kernelLog: () => "[ 0.0] hello\n",
    run: () => Promise.resolve({ status: 0, stdout: "line\n", stderr: "" }),
  };
}

const report = (system: System, parts: readonly Part[] = [], config = DISK) =>
  makeReport({ system, talk: SILENT, signal }, config, parts);

test("on a machine without faults no part is missing, and GNU tar finds all files in one folder", async () => {
  const { name, archive, parts, missing } = await report(wholeSystem(), [
    single("mine", "mine.txt", () => "brought by the caller"),
  ]);
  expect(missing).toEqual([]);
  expect(name).toBe("tandem-report-19700101T000001Z");
  expect(parts).toEqual([
    ..."credentials mine control partition-table esp".split(" "),
    ..."cmdline mountinfo partitions kernel os-release dmesg pstore journal".split(" "),
  ]);
  await using folder = await temporaryFolder();
  writeFileSync(folder.in("x.tar.gz"), archive);
  const listed = await command("tar", "tzf", folder.in("x.tar.gz"));
  const names = listed.trim().split("\n");
  expect(names.filter((path) => !path.startsWith(`${name}/`))).toEqual([]);
  expect(names).toContain(`${name}/missing.txt`);
  const missingText = await command("tar", "xOzf", folder.in("x.tar.gz"), `${name}/missing.txt`);
  expect(missingText).toBe("");
});

test("a machine that gives nothing still gets a report", async () => {
  const { parts, missing } = await report(memorySystem(), [], { disk: "/none" });
  expect(parts).toEqual(["credentials", "pstore"]);
  expect(missing.map(({ name }) => name)).toEqual([
    ..."control partition-table esp".split(" "),
    ..."cmdline mountinfo partitions kernel os-release dmesg journal".split(" "),
  ]);
});

test("the lock is not taken and the disk is only read", async () => {
  const disk = image.file();
  const system: System = {
    ...wholeSystem(),
    openBlock(_, { write }) {
      if (write) throw new Error("it is opened for writing");
      return { ...disk, write: () => expect.unreachable(), close() {} };
    },
    lock: () => expect.unreachable(),
  };
  expect((await report(system)).missing).toEqual([]);
});

/** No two secrets share a part: a known one must not hide another. */
const secretOf = (what: string): string =>
  new Bun.CryptoHasher("sha256").update(what).digest("hex").slice(0, 30);
const AUTH = Buffer.from(`me:${secretOf("auth")}`).toString("base64");
const SECRETS = [
  AUTH,
  ..."auth event proxy log config query variable registry luks".split(" ").map(secretOf),
];

test("no file of the report holds a secret of the machine, wherever it is repeated", async () => {
  const forked = image.fork();
  const { memory } = machineWith(forked.file());
  const text = `fetched oci:me:${secretOf("event")}@reg.io/os`;
  const at = "2026-01-01T00:00:00Z";
  await memory.writeState(withEvent(memory.state, { kind: "failed", slot: "b", text, at }));
  const said = [
    `Authorization: Basic ${AUTH}`,
    `the proxy refused ${secretOf("proxy")}`,
    `the registry refused ${secretOf("auth")}`,
    `GET http://127.0.0.1/?token=${secretOf("log")}`,
    `the check has ${secretOf("config")}`,
    `TANDEM_TOKEN ${secretOf("variable")}`,
  ].join("\n");
  const system: System = {
    ...wholeSystem(),
    ...systemWith(forked.file()),
    environment: {
      REGISTRY_AUTH_FILE: "/auth.json",
      https_proxy: `http://me:${secretOf("proxy")}@proxy:3128`,
      TANDEM_INSECURE_REGISTRIES: `me:${secretOf("registry")}@reg.io`,
      TANDEM_TOKEN: secretOf("variable"),
    },
    files: memoryFiles({
      ...PROC,
      "/proc/cmdline": `ro rd.luks.key=${secretOf("luks")}\n`,
      "/auth.json": JSON.stringify({ auths: { "reg.io": { auth: AUTH } } }),
    }),
    kernelLog: () => said,
    run: () => Promise.resolve({ status: 0, stdout: said, stderr: "" }),
  };
  const config = {
    ...DISK,
    health: {
      expect: { urls: [`http://me:${secretOf("config")}@127.0.0.1/?token=${secretOf("query")}`] },
    },
  };
  const parts = [single("config", "config.json", () => config)];
  const { archive, missing } = await report(system, parts, config);
  expect(missing).toEqual([]);
  const bytes = gunzipSync(archive).toString("latin1");
  expect(bytes).toContain("(removed)");
  expect(bytes).toContain("fetched oci:(removed)@reg.io/os");
  for (const secret of SECRETS) expect(bytes).not.toContain(secret);
});

test("an unusable file of credentials is named, and the report holds nothing of it", async () => {
  const files = memoryFiles({ ...PROC, "/auth.json": `{ "auth": "${AUTH}"` });
  const system = { ...wholeSystem(), files, environment: { REGISTRY_AUTH_FILE: "/auth.json" } };
  const { archive, missing } = await report(system);
  expect(missing.map(({ name }) => name)).toEqual(["credentials"]);
  expect(missing[0]?.reason).toStartWith('Cannot read credentials from "/auth.json"');
  expect(gunzipSync(archive).toString("latin1")).not.toContain(AUTH);
});
