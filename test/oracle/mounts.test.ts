/** Tests what the kernel does for mounts, loop devices, new files and locks. Needs root. */
import { expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { MiB } from "../../src/lib/units.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { linuxMountedFiles } from "../../src/system/mounted-files.ts";
import { linuxMounts as mounts } from "../../src/system/mounts.ts";
import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";

const EXT4 = { type: "ext4", isReadOnly: false } as const;
const READ_ONLY = { type: "ext4", isReadOnly: true } as const;

async function fileSystem(folder: TemporaryFolder, ...more: readonly string[]): Promise<string> {
  const path = folder.in("image");
  await command("mke2fs", "-q", ...(more.length === 0 ? ["-t", "ext4"] : more), path, "16M");
  return path;
}

const loopsOf = async (file: string): Promise<string[]> =>
  (await command("losetup", "--noheadings", "--output", "NAME", "-j", file))
    .split("\n")
    .slice(0, -1);
function mountedFile(
  file: string,
  folder: TemporaryFolder,
): Disposable & { readonly path: string } {
  const path = folder.in("here");
  return { path, [Symbol.dispose]: mounts.mountFile(file, path, EXT4) };
}

const accessOf = (path: string): string | undefined =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .findLast((line) => line.split(" ")[4] === path)
    ?.replace(/^.* (r[ow])[, ].* - .* (r[ow])\b.*$/, "$1 of $2");

test("mountFile() shows a file system, and leaves no loop device or folder behind", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const path = folder.in("a/b");
  const unmount = mounts.mountFile(file, path, EXT4);
  writeFileSync(`${path}/one`, "1");
  expect(await loopsOf(file)).toHaveLength(1);
  unmount();
  expect(await loopsOf(file)).toEqual([]);
  expect(existsSync(path)).toBe(false);
  mkdirSync(path, { recursive: true });
  mounts.mountFile(file, path, READ_ONLY)();
  expect(existsSync(path)).toBe(true);
});

test("the folder of the process goes with its last mount point", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const ends = ["one", "two"].map((name) =>
    mounts.mountFile(file, `${mounts.ownFolder}/${name}`, READ_ONLY),
  );
  ends[0]?.();
  expect(readdirSync(mounts.ownFolder)).toEqual(["two"]);
  ends[1]?.();
  expect(existsSync(mounts.ownFolder)).toBe(false);
});

test("mount() takes a device, and refuses what is no file system", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const device = (await command("losetup", "--find", "--show", file)).trim();
  try {
    const unmount = mounts.mount(device, folder.in("here"), READ_ONLY);
    expect(accessOf(folder.in("here"))).toBe("ro of ro");
    expect(() => mounts.mount(device, folder.in("there"), EXT4)).toThrow(
      `Cannot mount ${device} on ${folder.in("there")}: EBUSY`,
    );
    expect(existsSync(folder.in("there"))).toBe(false);
    expect(() => mounts.mount(device, folder.in("there"), { ...EXT4, type: "vfat" })).toThrow(
      "Cannot mount",
    );
    unmount();
    expect(() => mounts.unmount(folder.in("here"))).toThrow(`Cannot unmount ${folder.in("here")}`);
  } finally {
    await command("losetup", "--detach", device);
  }
});

test("makeWritable() changes the file system and one mount point, and keeps its options", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const [one, two] = [folder.in("one"), folder.in("two")];
  mkdirSync(one);
  const device = (await command("losetup", "--find", "--show", file)).trim();
  await command("mount", "-o", "ro,nosuid,nodev,noatime", device, one);
  const unbind = mounts.bind(one, two);
  try {
    const [first, second] = [mounts.makeWritable(one), mounts.makeWritable(one)];
    first();
    expect([accessOf(one), accessOf(two)]).toEqual(["rw of rw", "ro of rw"]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).toContain(
      ` ${one} rw,nosuid,nodev,noatime `,
    );
    writeFileSync(`${one}/file`, "text");
    expect(() => writeFileSync(`${two}/file`, "text")).toThrow("EROFS");
    // While a removed file is in use, the kernel keeps the file system writable.
    const open = openSync(`${one}/file`, "r");
    unlinkSync(`${one}/file`);
    second();
    expect([accessOf(one), accessOf(two)]).toEqual(["ro of rw", "ro of rw"]);
    closeSync(open);
    mounts.makeWritable(one)();
    expect([accessOf(one), accessOf(two)]).toEqual(["ro of ro", "ro of ro"]);
    await command("mount", "-o", "remount,rw", one);
    mounts.makeWritable(one)();
    expect(accessOf(one)).toBe("rw of rw");
    mounts.makeWritable(one, "read-only")();
    expect([accessOf(one), accessOf(two)]).toEqual(["ro of ro", "ro of ro"]);
  } finally {
    unbind();
    await command("umount", one);
    await command("losetup", "--detach", device);
  }
});

test("bind() shows what is mounted below, and its end leaves that alone", async () => {
  await using folder = await temporaryFolder();
  const [one, two] = [folder.in("one"), folder.in("two")];
  mkdirSync(one);
  await command("mount", "-t", "tmpfs", "none", one);
  await command("mount", "--make-shared", one);
  const unmount = mounts.mountFile(await fileSystem(folder), `${one}/below`, EXT4);
  try {
    writeFileSync(`${one}/below/file`, "text");
    const unbind = mounts.bind(one, two);
    expect(readFileSync(`${two}/below/file`, "utf8")).toBe("text");
    // Nobody else sees this mount.
    mkdirSync(`${two}/more`);
    await command("mount", "-t", "tmpfs", "none", `${two}/more`);
    expect(accessOf(`${one}/more`)).toBeUndefined();
    unbind();
    expect(existsSync(two)).toBe(false);
    expect(accessOf(`${one}/below`)).toBe("rw of rw");
  } finally {
    unmount();
    await command("umount", one);
  }
});

test("makeWritable() says that a device is read-only for good", async () => {
  await using folder = await temporaryFolder();
  const path = folder.in("here");
  const unmount = mounts.mountFile(await fileSystem(folder), path, READ_ONLY);
  try {
    expect(() => mounts.makeWritable(path)).toThrow(
      `Cannot make ${path} writable: its device is read-only`,
    );
  } finally {
    unmount();
  }
});

test("backingOf() finds the file of a loop device, also after the file has another name", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const device = (await command("losetup", "--find", "--show", "--offset", "4096", file)).trim();
  try {
    const { identity, device: on, offsetBytes } = mounts.backingOf(device);
    renameSync(file, folder.in("other"));
    writeFileSync(file, "");
    expect(linuxMountedFiles.stat(folder.in("other"))?.identity).toBe(identity);
    expect(linuxMountedFiles.stat(file)?.identity).not.toBe(identity);
    const [major, minor] = (await command("stat", "-c", "%Hd:%Ld", file)).trim().split(":");
    expect(on).toBe(`${major}:${minor}`);
    expect(offsetBytes).toBe(4096);
  } finally {
    await command("losetup", "--detach", device);
  }
  expect(() => mounts.backingOf(device)).toThrow(`Cannot read the loop device ${device}: ENXIO`);
});

test.each(["ext4", "ext2"])("allocate() reserves blocks on %s, and finds it full", async (type) => {
  await using folder = await temporaryFolder();
  using here = mountedFile(await fileSystem(folder, "-t", type), folder);
  mounts.allocate(`${here.path}/file`, 8 * MiB);
  expect(512 * statSync(`${here.path}/file`).blocks).toBeGreaterThanOrEqual(8 * MiB);
  expect(() => mounts.allocate(`${here.path}/more`, 8 * MiB)).toThrow(
    expect.objectContaining({ code: "no-space" }),
  );
  expect(existsSync(`${here.path}/more`)).toBe(false);
});

test("a file that is written through a block file has lost nothing after flush()", async () => {
  await using folder = await temporaryFolder();
  using here = mountedFile(await fileSystem(folder), folder);
  const path = `${here.path}/file`;
  mounts.allocate(path, 4 * MiB);
  const block = openBlockFile(path, { write: true });
  const bytes = new Uint8Array(4 * MiB).fill(7);
  block.write(0, bytes);
  await block.flush();
  block.dropCache(0, bytes.byteLength);
  const got = new Uint8Array(bytes.byteLength);
  await block.read(0, got);
  block.close();
  expect(got).toEqual(bytes);
});

test("tryLock() counts for all mount points of a file system", async () => {
  await using folder = await temporaryFolder();
  const file = await fileSystem(folder);
  const unmount = mounts.mountFile(file, folder.in("one"), READ_ONLY);
  const unbind = mounts.bind(folder.in("one"), folder.in("two"));
  const lock = mounts.tryLock(folder.in("one"));
  const again = mounts.tryLock(folder.in("two"));
  expect([lock, again]).not.toContain(undefined);
  lock?.();
  await expect(command("flock", "--nonblock", folder.in("two"), "true")).rejects.toThrow();
  again?.();
  await command("flock", "--nonblock", folder.in("two"), "true");
  const other = Bun.spawn(["flock", folder.in("one"), "sh", "-c", "echo locked; read -r end"], {
    stdin: "pipe",
    stdout: "pipe",
  });
  await other.stdout.getReader().read();
  expect(mounts.tryLock(folder.in("two"))).toBeUndefined();
  await other.stdin.end();
  await other.exited;
  unbind();
  unmount();
});
