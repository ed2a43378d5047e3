import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signaturesOn } from "../../src/disk/signature.ts";
import { openFileSystem } from "../../src/ext4/mount.ts";
import { display } from "../../src/lib/byte-string.ts";
import { TandemError } from "../../src/lib/error.ts";
import { SILENT, type Talk } from "../../src/lib/talk.ts";
import { MiB } from "../../src/lib/units.ts";
import { linux } from "../../src/system/linux.ts";
import type { System } from "../../src/system/system.ts";
import { write, type WriteRequest } from "../../src/upgrade/write.ts";
import { writeImage } from "../peers/image.ts";
import { gptImage } from "../disk/gpt-image.ts";
import { memorySystem } from "../fakes/machine.ts";
import { rejection } from "../fakes/source.ts";
import { Random } from "../faults/random.ts";
import { kernelMachine, mounted } from "../slot/kernel-disk.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-write-"));
const at = (name: string): string => join(folder, name);
const source = `oci-layout:${at("layout")}`;
let digest = "";
const CONTROL = { label: "control", firstLba: 2048, lastLba: 3000 };
const SLOT_A = { label: "tandem-a", firstLba: 3072, lastLba: 4000 };

beforeAll(async () => {
  const { manifest } = await writeImage(at("layout"), {
    layers: [
      {
        tar: [
          { path: "etc", kind: "directory" },
          { path: "etc/hostname", data: "old\n" },
          { path: "large", data: Buffer.alloc(3 * MiB, "tandem ") },
        ],
      },
      { tar: [{ path: "etc/hostname", data: "new\n" }], compression: "zstd" },
      { tar: [{ path: "bin", kind: "symlink", target: "usr/bin" }], compression: "none" },
    ],
  });
  ({ digest } = manifest);
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeTo(
  target: string,
  request: Partial<WriteRequest> = {},
  {
    system = linux,
    talk = SILENT,
    signal = new AbortController().signal,
  }: { system?: System; talk?: Talk; signal?: AbortSignal } = {},
): ReturnType<typeof write> {
  return write(
    { system, talk, signal },
    {
      source,
      target: at(target),
      sizeBytes: 16 * MiB,
      label: "root",
      force: false,
      jobs: 1,
      insecureRegistries: [],
      ...request,
    },
  );
}

test("write() makes the file, and returns what it has written", async () => {
  const result = await writeTo("made.img");
  expect(result).toMatchObject({ source, digest, target: at("made.img"), sizeBytes: 16 * MiB });
  // The ten that ext4 keeps for itself, the root among them; lost+found, etc, hostname, large, bin.
  expect(result.inodes).toBe(15);
  expect(result.usedBytes).toBeGreaterThan(3 * MiB);
  expect(result.bytesWritten).toBeGreaterThan(3 * MiB);
  expect(Object.values(result.seconds).every((seconds) => seconds >= 0)).toBe(true);
  const bytes = readFileSync(at("made.img"));
  expect(bytes.byteLength).toBe(16 * MiB);
  expect(bytes.readUInt16LE(1024 + 56)).toBe(0xef53);
  expect(bytes.toString("latin1", 1024 + 120, 1024 + 124)).toBe("root");
  expect(bytes.includes("new\n")).toBe(true);
});

test("write() leaves out what the request excludes, and keeps the digest of the image", async () => {
  const warnings: string[] = [];
  const talk = { ...SILENT, warn: (text: string) => void warnings.push(text) };
  const exclude = ["/large", "/none"];
  const result = await writeTo("excluded.img", { exclude }, { talk });
  expect(result.digest).toBe(digest);
  const block = linux.openBlock(at("excluded.img"), { write: false });
  const { root } = openFileSystem(block);
  expect([...root.children.keys()].map(display).toSorted()).toEqual(["bin", "etc", "lost+found"]);
  block.close();
  expect(warnings).toEqual([`${source}: found nothing to exclude at "/none", continuing`]);
});

test("write() with one job gives the same bytes each time", async () => {
  await writeTo("one.img");
  writeFileSync(at("two.img"), Buffer.alloc(20 * MiB, 0xff));
  await writeTo("two.img");
  expect(Buffer.compare(readFileSync(at("one.img")), readFileSync(at("two.img")))).toBe(0);
  await writeTo("other.img", { label: "other" });
  expect(Buffer.compare(readFileSync(at("one.img")), readFileSync(at("other.img")))).not.toBe(0);
});

test("write() with three jobs writes as much as with one", async () => {
  const one = await writeTo("jobs.img");
  const three = await writeTo("jobs.img", { jobs: 3, force: true });
  expect([three.inodes, three.digest]).toEqual([one.inodes, one.digest]);
});

test("write() to an existing file keeps its size", async () => {
  writeFileSync(at("there.img"), Buffer.alloc(12 * MiB, 0xff));
  const result = await writeTo("there.img", { sizeBytes: undefined });
  expect(result.sizeBytes).toBe(12 * MiB);
  expect(statSync(at("there.img")).size).toBe(12 * MiB);
});

test("write() to a file that does not exist needs a size", async () => {
  expect(await rejection(writeTo("none.img", { sizeBytes: undefined }))).toMatchObject({
    code: "usage",
    message: `Cannot make ${at("none.img")}: it does not exist and no size was given`,
  });
  expect(existsSync(at("none.img"))).toBe(false);
});

test.each([
  ["a source that is not there", { source: "oci-layout:/none" }, "source"],
  ["an image that is not there", { source: `${source}:other` }, "source"],
  ["a size that its data is too large for", { sizeBytes: 3 * MiB }, "no-space"],
  ["a size that no file system fits", { sizeBytes: 4096 }, "no-space"],
])("write() refuses %s", async (_, request, code) => {
  expect(await rejection(writeTo("refused.img", request))).toMatchObject({ code });
});

test.each([
  ["no file system", 4096],
  ["not even the compressed data", 2 * MiB],
])(
  "write() to a size that fits %s leaves what is there, and makes nothing",
  async (_, sizeBytes) => {
    await writeImage(at("dense"), {
      layers: [{ tar: [{ path: "x", data: new Random("dense").bytes(3 * MiB) }] }],
    });
    const request = { source: `oci-layout:${at("dense")}`, sizeBytes };
    writeFileSync(at("precious.img"), "precious");
    for (const target of ["precious.img", "unmade.img"])
      expect(await rejection(writeTo(target, request))).toMatchObject({ code: "no-space" });
    expect(readFileSync(at("precious.img"), "utf8")).toBe("precious");
    expect(existsSync(at("unmade.img"))).toBe(false);
  },
);

test("write() refuses a folder", async () => {
  expect(await rejection(writeTo("layout"))).toMatchObject({ code: "disk" });
});

test.each([
  ["/dev/sda2", "it is mounted on /"],
  ["/dev/disk/by-partlabel/tandem-a", "it is mounted on /"],
  ["/dev/sda", "a part of it is mounted on /"],
])("write() refuses %s, which is mounted, before it opens it", async (target, why) => {
  const kernel = kernelMachine({
    disks: { sda: gptImage({ partitions: [CONTROL, SLOT_A] }) },
    links: { "/dev/disk/by-partlabel/tandem-a": "../../sda2" },
    mountinfo: mounted("8:2", "/"),
  });
  const system: System = {
    ...memorySystem(),
    // The files of the kernel are fake, the image is real.
    files: { ...linux.files, readText: (path) => kernel.files.readText(path) },
    readLink: (path) => kernel.readLink(path),
  };
  const error = await rejection(writeTo("", { target }, { system }));
  expect(error).toMatchObject({ code: "disk", message: `Cannot write to ${target}: ${why}` });
});

test("write() refuses a target that another run has locked, before it opens it", async () => {
  writeFileSync(at("locked.img"), "precious");
  const lock = await linux.lock(at("locked.img"));
  expect(await rejection(writeTo("locked.img"))).toMatchObject({ code: "locked" });
  lock.release();
  expect(readFileSync(at("locked.img"), "utf8")).toBe("precious");
});

test("write() that is interrupted removes a file that it has made, and leaves no file system in an existing one", async () => {
  const stop = { signal: AbortSignal.abort() };
  const error = await rejection(writeTo("stopped.img", {}, stop));
  expect(error).toMatchObject({ code: "interrupted" });
  expect(existsSync(at("stopped.img"))).toBe(false);
  writeFileSync(at("stopped.img"), "old");
  expect(await rejection(writeTo("stopped.img", {}, stop))).toMatchObject({ code: "interrupted" });
  expect(readFileSync(at("stopped.img")).readUInt16LE(1024 + 56)).toBe(0);
});

test("write() makes files that only their owner may read", async () => {
  const before = process.umask(0);
  try {
    await writeTo("private.img");
  } finally {
    process.umask(before);
  }
  expect(statSync(at("private.img")).mode & 0o7777).toBe(0o600);
  writeFileSync(at("public.img"), "old", { mode: 0o644 });
  await writeTo("public.img");
  expect(statSync(at("public.img")).mode & 0o7777).toBe(0o644);
});

test.each([undefined, 16 * MiB])(
  "write() with size %p writes over what is known only with force, and then nothing of it is left",
  async (sizeBytes) => {
    const target = `known-${sizeBytes}.img`;
    const old = Buffer.alloc(16 * MiB, 7);
    old.write("EFI PART", 512, "latin1");
    old.write("_BHRfS_M", 65_600, "latin1");
    old.write("EFI PART", 16 * MiB - 512, "latin1");
    writeFileSync(at(target), old);
    const error = await rejection(writeTo(target, { sizeBytes }));
    expect(error).toMatchObject({
      code: "disk",
      message: `Cannot write to ${at(target)}: it holds a GPT partition table and a btrfs file system`,
    });
    expect(Buffer.compare(readFileSync(at(target)), old)).toBe(0);
    await writeTo(target, { sizeBytes, force: true });
    const file = linux.openBlock(at(target), { write: false });
    expect(signaturesOn(file).map(({ what }) => what)).toEqual([
      "an ext2, ext3 or ext4 file system",
    ]);
    file.close();
    expect(await rejection(writeTo(target, { sizeBytes }))).toMatchObject({ code: "disk" });
  },
);

test("write() that fails removes the file that it made before it releases the lock", async () => {
  const seen: string[] = [];
  const system: System = {
    ...linux,
    durable: {
      ...linux.durable,
      remove(path) {
        seen.push(`remove ${path}`);
        linux.durable.remove(path);
      },
    },
    async lock(path) {
      const lock = await linux.lock(path);
      return {
        release() {
          seen.push("release");
          lock.release();
        },
      };
    },
  };
  await rejection(writeTo("order.img", {}, { system, signal: AbortSignal.abort() }));
  expect(seen).toEqual([`remove ${at("order.img")}`, "release"]);
});

test("write() leaves the file that it made to the run that has taken the lock since", async () => {
  const system: System = {
    ...linux,
    lock: () => Promise.reject(new TandemError("locked", "another run is at work on it")),
  };
  expect(await rejection(writeTo("taken.img", {}, { system }))).toMatchObject({ code: "locked" });
  expect(existsSync(at("taken.img"))).toBe(true);
});

function refuse(): never {
  throw new TandemError("disk", "no such thing here");
}

test.each(["lock", "openBlock"] as const)(
  "write() leaves no file that it made when %s() fails",
  async (name) => {
    const system: System = { ...linux, [name]: refuse };
    expect(await rejection(writeTo("fails.img", {}, { system }))).toMatchObject({ code: "disk" });
    expect(existsSync(at("fails.img"))).toBe(false);
  },
);

test("write() holds the target while it writes", async () => {
  const asked: unknown[] = [];
  const system: System = {
    ...linux,
    openBlock(path, access) {
      asked.push(access);
      return linux.openBlock(path, access);
    },
  };
  await writeTo("held.img", {}, { system });
  expect(asked[0]).toEqual({ write: true, hold: true });
});

test("write() says which file it could not remove, and why it failed", async () => {
  const warnings: string[] = [];
  const system: System = {
    ...linux,
    durable: {
      ...linux.durable,
      remove() {
        throw new Error("EROFS");
      },
    },
  };
  const talk = { ...SILENT, warn: (text: string) => void warnings.push(text) };
  const signal = AbortSignal.abort();
  const error = await rejection(writeTo("stays.img", {}, { system, talk, signal }));
  expect(error).toMatchObject({ code: "interrupted" });
  expect(warnings).toEqual([`${at("stays.img")} is left behind, without a file system: EROFS`]);
});
