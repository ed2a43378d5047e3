import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { contentOf, type Esp, readEspText } from "../../../src/boot/esp/esp.ts";
import { mountedEsp } from "../../../src/boot/esp/mounted-esp.ts";
import { type DurableFiles, durableFiles } from "../../../src/system/durable-files.ts";
import { rejection } from "../../fakes/source.ts";
import { temporaryFolder } from "../../peers/temporary-folder.ts";

const mountAt = (path: string, isReadOnly = false): Parameters<typeof mountedEsp>[1] => ({
  device: durableFiles.device(path) ?? "none",
  root: "/",
  path,
  isReadOnly,
});

test("mountedEsp() reads and writes through the mount", async () => {
  await using folder = await temporaryFolder();
  const esp = mountedEsp(durableFiles, mountAt(folder.path));
  await esp.makeFolder("/loader");
  await esp.makeFolder("/loader");
  await esp.write("/loader/tandem-b+3.conf", contentOf("linux /l\n"));
  expect(esp.list("/loader")).toEqual([{ name: "tandem-b+3.conf", isFolder: false, sizeBytes: 9 }]);
  expect(readEspText(esp, "/loader/tandem-b+3.conf", 100)).toBe("linux /l\n");
  expect([esp.list("/none"), esp.read("/loader/none"), esp.read("/loader")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(await esp.makeRoom()).toBeGreaterThan(0);
  await esp.remove("/loader/tandem-b+3.conf");
  await esp.remove("/loader/tandem-b+3.conf");
  expect(readdirSync(folder.in("loader"))).toEqual([]);
});

test("mountedEsp() refuses a name that is taken, and keeps the file", async () => {
  await using folder = await temporaryFolder();
  writeFileSync(folder.in("file"), "old");
  const esp = mountedEsp(durableFiles, mountAt(folder.path));
  expect(await rejection(esp.write("/file", contentOf("new")))).toMatchObject({ code: "boot" });
  expect(readEspText(esp, "/file", 100)).toBe("old");
});

test("mountedEsp() can be read when it is mounted read-only, and says how to make it writable", async () => {
  await using folder = await temporaryFolder();
  mkdirSync(folder.in("loader"));
  const esp = mountedEsp(durableFiles, mountAt(folder.path, true));
  expect(esp.list("/")?.map(({ name }) => name)).toEqual(["loader"]);
  await esp.makeFolder("/loader");
  await esp.remove("/none");
  expect(() => esp.refuseReadOnly()).toThrow("mounted read-only");
  const changes = [
    () => esp.write("/x", contentOf("x")),
    () => esp.remove("/loader"),
    () => esp.makeFolder("/y"),
  ];
  for (const change of changes)
    expect(await rejection(change())).toMatchObject({
      code: "boot",
      message: expect.stringContaining("it is mounted read-only"),
      printed: expect.stringContaining(`run mount -o remount,rw ${folder.path}.`),
    });
});

const failing = (code: string): DurableFiles => ({
  ...durableFiles,
  create() {
    throw Object.assign(new Error(`${code}: no`), { code });
  },
});

test.each([
  ["ENOSPC", "no-space"],
  ["EIO", "boot"],
] as const)("mountedEsp() that fails with %s throws %s", async (errno, code) => {
  await using folder = await temporaryFolder();
  const esp = mountedEsp(failing(errno), mountAt(folder.path));
  expect(await rejection(esp.write("/x", contentOf("x")))).toMatchObject({ code });
});

test("mountedEsp() removes a file that does not read back as it was written", async () => {
  await using folder = await temporaryFolder();
  const lying: DurableFiles = { ...durableFiles, read: () => [Buffer.from("other")] };
  const esp = mountedEsp(lying, mountAt(folder.path));
  expect(await rejection(esp.write("/x", contentOf("mine")))).toMatchObject({
    message: expect.stringContaining("the medium holds something else afterwards"),
  });
  expect(esp.list("/")).toEqual([]);
});

/** The mount point shows another device, from the start or after the first write. */
const gone = (when: "before" | "meanwhile"): DurableFiles => {
  let isGone = when === "before";
  return {
    ...durableFiles,
    create(path, chunks) {
      durableFiles.create(path, chunks);
      isGone = true;
    },
    device: (path) => (isGone ? "0:99" : durableFiles.device(path)),
  };
};

test("mountedEsp() reports an unmount before and during a change", async () => {
  await using folder = await temporaryFolder();
  const mount = mountAt(folder.path);
  for (const when of ["before", "meanwhile"] as const) {
    const esp = mountedEsp(gone(when), mount);
    expect(await rejection(esp.write(`/${when}`, contentOf("x")))).toMatchObject({
      code: "boot",
      message: `Cannot write to the ESP at ${folder.path}: it is not mounted there any more`,
    });
  }
  expect(readdirSync(folder.path)).toEqual(["meanwhile"]);
});

function ioError(): never {
  throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
}

function* failingChunks(): Generator<Uint8Array> {
  yield Buffer.from("a");
  ioError();
}

test.each([
  ["list /loader", { list: ioError }, (esp: Esp) => esp.list("/loader")],
  ["read /loader/x", { list: ioError }, (esp: Esp) => esp.read("/loader/x")],
  ["read /x", { read: failingChunks }, (esp: Esp) => readEspText(esp, "/x", 10)],
  ["find /x", { list: ioError }, (esp: Esp) => esp.remove("/x")],
  ["find /x", { list: ioError }, (esp: Esp) => esp.makeFolder("/x")],
  ["measure the room", { freeBytes: ioError }, (esp: Esp) => esp.makeRoom()],
] as const)("mountedEsp() that cannot %s is the boot loader's trouble", async (...row) => {
  const [what, broken, action] = row;
  await using folder = await temporaryFolder();
  writeFileSync(folder.in("x"), "abc");
  const esp = mountedEsp({ ...durableFiles, ...broken }, mountAt(folder.path));
  const failure = await rejection(Promise.try<unknown>(() => action(esp)));
  expect(failure).toMatchObject({
    code: "boot",
    message: `Cannot ${what} on the ESP at ${folder.path}: EIO: i/o error`,
  });
});
