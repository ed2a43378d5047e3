import { expect, test } from "bun:test";
import { PARCEL_BYTES, plainOutbox } from "../../src/system/outbox.ts";
import { RecordedDisk } from "../fakes/recorded-disk.ts";

test("plainOutbox() writes exactly the given part of its parcel, before send() returns", () => {
  const disk = new RecordedDisk(8192);
  const outbox = plainOutbox(disk.file);
  const parcel = outbox.take();
  expect(parcel.byteLength).toBe(PARCEL_BYTES);
  parcel.fill(1, 0, 4096);
  outbox.send(2048, 1024);
  const bytes = disk.image().bytes();
  expect(bytes.subarray(2048, 3072)).toEqual(new Uint8Array(1024).fill(1));
  expect(bytes.reduce((sum, byte) => sum + byte, 0)).toBe(1024);
});
