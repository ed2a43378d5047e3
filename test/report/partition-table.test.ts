import { expect, test } from "bun:test";
import { partitionTablePart, tableText } from "../../src/report/partition-table.ts";
import { memorySystem } from "../fakes/machine.ts";
import { systemWith, wholeDisk } from "../fakes/whole-disk.ts";
import { collected } from "./collected.ts";

const image = await wholeDisk();

test("both copies of a sound table are listed", async () => {
  const { texts, missing } = await collected([
    partitionTablePart(systemWith(image.file()), "/disk.img"),
  ]);
  expect(missing).toEqual([]);
  const lines = (texts["partition-table.txt"] ?? "").split("\n");
  expect(lines[0]).toMatch(/^\/disk\.img: \d+ bytes$/);
  expect(lines).toContain("primary: whole");
  expect(lines).toContain("backup: whole");
  expect(
    lines.filter((line) => /^2 "tandem-control" offset \d+ size 1048576 type/.test(line)),
  ).toHaveLength(2);
});

test("a damaged copy shows the reason and the bytes of its header; the other copy is listed", () => {
  const torn = image.fork();
  torn.write(512 + 56, new Uint8Array(16));
  const text = tableText(torn.file());
  expect(text).toMatch(/^primary: the checksum of the header at sector 1 is wrong/m);
  expect(text).toMatch(/^512: 4546492050415254[0-9a-f]{168}$/m);
  expect(text).toMatch(/^backup: whole$/m);
});

test("a disk without a table, or too small for one, shows the reason", () => {
  const none = image.fork();
  none.write(512, new Uint8Array(512));
  none.write(none.file().sizeBytes - 512, new Uint8Array(512));
  expect(tableText(none.file())).toMatch(/^backup: no "EFI PART"/m);
  const tiny = { ...none.file(), sizeBytes: 512 };
  expect(tableText(tiny)).toMatch(/^primary: the disk is too small/m);
});

test("without a disk the part is missing", async () => {
  const { missing } = await collected([partitionTablePart(memorySystem(), undefined)]);
  expect(missing).toEqual([
    expect.stringMatching(/^partition-table: Cannot find the disk that this machine runs from/),
  ]);
});
