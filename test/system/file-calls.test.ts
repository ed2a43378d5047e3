import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { linuxFileCalls as calls } from "../../src/system/file-calls.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";

test("linuxFileCalls make, flush, read and remove files and folders", async () => {
  await using folder = await temporaryFolder();
  const [sub, path] = [folder.in("sub"), folder.in("sub/file")];
  calls.makeFolder(sub);
  const made = calls.open(path, "wx");
  expect(calls.write(made, Buffer.from("text"))).toBe(4);
  calls.flush(made);
  calls.dropCache(made, 4);
  calls.close(made);
  expect(() => calls.open(path, "wx")).toThrow("EEXIST");
  expect([calls.names(sub), calls.stat(path), statSync(path).mode % 0o1000]).toEqual([
    ["file"],
    { isFolder: false, sizeBytes: 4 },
    0o644,
  ]);
  const opened = calls.open(path, "r");
  const target = new Uint8Array(10);
  expect([calls.read(opened, target), calls.read(opened, target)]).toEqual([4, 0]);
  calls.close(opened);
  calls.remove(path);
  calls.remove(path);
  expect([calls.stat(path), calls.device(path)]).toEqual([undefined, undefined]);
  expect(calls.device(sub)).toMatch(/^\d+:\d+$/);
  expect(calls.freeBytes(sub)).toBeGreaterThan(0);
});
