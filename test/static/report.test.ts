/** Makes a support bundle in a root like an initramfs: without /etc, without a journal, without a writable folder. */
import { beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { TANDEM } from "../binary/appliance.ts";
import { wholeDisk } from "../fakes/whole-disk.ts";
import type { TemporaryFolder } from "../peers/temporary-folder.ts";
import { makeRoot, MUSL, runIn, SETUP } from "./chroot.ts";

const { proc, readOnly } = SETUP;
let disk: Uint8Array;
beforeAll(async () => {
  disk = (await wholeDisk()).bytes();
});

async function initramfs(): Promise<TemporaryFolder> {
  const root = await makeRoot({ copies: { tandem: TANDEM, ...MUSL } });
  for (const name of ["dev", "sys", "run"]) mkdirSync(root.in(name));
  writeFileSync(root.in("disk.img"), disk);
  return root;
}

test("the bundle has all that is available: results, boot record, partition table, ESP and files of /proc", async () => {
  await using root = await initramfs();
  const run = runIn(root, [proc], ["/tandem", "report", "/report.tar.gz", "--disk", "/disk.img"]);
  expect(run).toMatchObject({ status: 0, stderr: "" });
  const [first, parts, ...missing] = run.stdout.split("\n");
  expect(first).toMatch(/^report {4}\/report\.tar\.gz \(\d/);
  expect(parts?.slice("parts     ".length).split(", ")).toEqual([
    ..."credentials version config status why doctor control partition-table esp".split(" "),
    ..."cmdline mountinfo partitions kernel pstore".split(" "),
  ]);
  expect(missing.filter(Boolean)).toEqual([
    "missing   os-release: Cannot read /etc/os-release: there is no such file",
    expect.stringMatching(/^missing {3}dmesg: Cannot read the log of the kernel: ENOENT/),
    expect.stringMatching(/^missing {3}journal: Cannot read the journal with journalctl: /),
  ]);
  const text = gunzipSync(readFileSync(root.in("report.tar.gz"))).toString("latin1");
  expect(text).toContain("slot a    good, written: v1");
});

test("in a read-only root report gives a hint, and can write to stdout", async () => {
  await using root = await initramfs();
  const words = ["/tandem", "report", "--disk", "/disk.img"];
  const refused = runIn(root, [readOnly, proc], words);
  expect(refused).toMatchObject({ status: 8, stdout: "" });
  expect(refused.stderr).toMatch(
    /^tandem: Cannot write the report to \/tandem-report-\w+\.tar\.gz: EROFS/m,
  );
  expect(refused.stderr).toContain(
    "hint: Name a file in a folder that can be written: tandem report FILE",
  );
  const shell = ["/bin/busybox", "sh", "-c", '"$@" | /bin/busybox tar tz', "sh"];
  const piped = runIn(
    root,
    [readOnly, proc],
    [...shell, "/tandem", "report", "-", "--disk", "/disk.img"],
  );
  expect(piped.status).toBe(0);
  expect(piped.stdout).toContain("/status.json\n");
});
