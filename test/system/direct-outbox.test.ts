import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MiB } from "../../src/lib/units.ts";
import { type BlockFile, part, readBlock } from "../../src/system/block-file.ts";
import { directOutbox } from "../../src/system/direct-outbox.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";
import { type Outbox, PARCEL_BYTES, plainOutbox } from "../../src/system/outbox.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";
import { PagedImage } from "../fakes/paged-image.ts";

const folder = mkdtempSync(join(tmpdir(), "tandem-outbox-"));
afterAll(() => rmSync(folder, { recursive: true }));
const PARCELS = 20;
const SIZE_BYTES = (PARCELS + 1) * PARCEL_BYTES;

/** Sends more parcels than a queue holds, last one first. Each is filled with its number. */
function fill(outbox: Outbox, sizeBytes: number): void {
  for (let number = 1; number <= PARCELS; number += 1) {
    outbox.take().fill(number);
    outbox.send((PARCELS - number) * PARCEL_BYTES, sizeBytes);
  }
  outbox.settle();
  outbox.close();
}

function check(file: BlockFile, sizeBytes: number): void {
  for (let number = 1; number <= PARCELS; number += 1) {
    const found = readBlock(file, (PARCELS - number) * PARCEL_BYTES, PARCEL_BYTES);
    const wanted = new Uint8Array(PARCEL_BYTES).fill(number, 0, sizeBytes);
    expect(Buffer.compare(found, wanted)).toBe(0);
  }
}

test("plainOutbox() writes every parcel that was sent", () => {
  const file = PagedImage.zeros(SIZE_BYTES).file();
  fill(plainOutbox(file), PARCEL_BYTES);
  check(file, PARCEL_BYTES);
});

test.each([
  ["whole parcels", 0, PARCEL_BYTES],
  ["blocks at the start of each", 0, 3 * 4096],
  ["what no block holds", 0, 1001],
  ["to a part that begins with a block", 4096, PARCEL_BYTES],
  ["to a part that begins with a sector", 512, PARCEL_BYTES],
  ["to a part that begins anywhere", 1, PARCEL_BYTES],
])("directOutbox() writes %s", (name, offsetBytes, sizeBytes) => {
  const path = join(folder, name);
  const whole = createBlockFile(path, SIZE_BYTES);
  const file = part(whole, { name, offsetBytes, sizeBytes: SIZE_BYTES - offsetBytes });
  fill(directOutbox(file), sizeBytes);
  check(file, sizeBytes);
  expect(readBlock(whole, 0, offsetBytes)).toEqual(new Uint8Array(offsetBytes));
  whole.close();
});

test("directOutbox() does not reuse memory that a slow device still reads", () => {
  const disk = new RecordedDisk(SIZE_BYTES);
  fill(directOutbox(disk.file), PARCEL_BYTES);
  check(disk.image().file(), PARCEL_BYTES);
});

test("directOutbox() falls back to the file where no queue can be opened", () => {
  const file = PagedImage.zeros(SIZE_BYTES).file();
  fill(directOutbox(file), PARCEL_BYTES);
  check(file, PARCEL_BYTES);
});

test("directOutbox() leaves no descriptor open", () => {
  const path = join(folder, "counted");
  const file = createBlockFile(path, SIZE_BYTES);
  const before = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 5; round += 1) fill(directOutbox(file), 4096);
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 5);
  file.close();
});

test("directOutbox() throws the file's error for a parcel that could not be written", async () => {
  const program = `
    import { directOutbox } from "./src/system/direct-outbox.ts";
    import { createBlockFile } from "./src/system/linux-block-file.ts";
    const path = ${JSON.stringify(join(folder, "limited"))};
    const outbox = directOutbox(createBlockFile(path, 65536));
    try {
      outbox.take().fill(1);
      outbox.send(${MiB}, 4096);
      outbox.settle();
    } catch (error) { console.log(error.code, error.message); }`;
  // ulimit -f: files of this shell and its children may have 64 KiB.
  const shell = ["bash", "-c", `trap "" XFSZ; ulimit -f 64; exec "$@"`, "bash"];
  const child = Bun.spawn([...shell, process.execPath, "-e", program], { stdout: "pipe" });
  expect(await child.stdout.text()).toStartWith("no-space Cannot write ");
});
