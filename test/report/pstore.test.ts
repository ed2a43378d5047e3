import { expect, test } from "bun:test";
import { pstorePart } from "../../src/report/pstore.ts";
import type { FolderEntry } from "../../src/system/durable-files.ts";
import type { System } from "../../src/system/system.ts";
import { memoryFiles } from "../fakes/files.ts";
import { memorySystem } from "../fakes/machine.ts";
import { collected } from "./collected.ts";

function systemWith(content: Readonly<Record<string, string | Uint8Array>>): System {
  const files = memoryFiles(content);
  const list = (path: string): FolderEntry[] =>
    files.list(path).map((name) => {
      const bytes = files.readBytes(`${path}/${name}`);
      return { name, isFolder: bytes === undefined, sizeBytes: bytes?.byteLength ?? 0 };
    });
  return { ...memorySystem(), files, durable: { ...memorySystem().durable, list } };
}

test("the report holds the dumps in the firmware and those that systemd has moved", async () => {
  const dumps = {
    "/sys/fs/pstore/dmesg-efi-1": "Panic#1 Part1\nlast words\n",
    "/var/lib/systemd/pstore/1700000000/001/dmesg.txt": "older words\n",
  };
  const { texts, missing } = await collected([pstorePart(systemWith(dumps))]);
  expect(missing).toEqual([]);
  expect(texts).toEqual({
    "pstore.txt":
      "25 /sys/fs/pstore/dmesg-efi-1\n12 /var/lib/systemd/pstore/1700000000/001/dmesg.txt\n",
    "pstore/sys/fs/pstore/dmesg-efi-1": "Panic#1 Part1\nlast words\n",
    "pstore/var/lib/systemd/pstore/1700000000/001/dmesg.txt": "older words\n",
  });
});

test("a dump that is not text is named and left out", async () => {
  const system = systemWith({ "/sys/fs/pstore/dmesg.enc.z": new Uint8Array([0x78, 0xff, 0xfe]) });
  const { texts, missing } = await collected([pstorePart(system)]);
  expect(Object.keys(texts)).toEqual(["pstore.txt"]);
  expect(missing).toEqual([
    "pstore/sys/fs/pstore/dmesg.enc.z: Cannot show /sys/fs/pstore/dmesg.enc.z: it is not text",
  ]);
});

test("a machine without dumps has an empty list", async () => {
  const { texts, missing } = await collected([pstorePart(systemWith({}))]);
  expect({ texts, missing }).toEqual({ texts: { "pstore.txt": "" }, missing: [] });
});
