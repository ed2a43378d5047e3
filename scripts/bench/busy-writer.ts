/**
 * Keeps a disk busy: `bun scripts/bench/busy-writer.ts FILE` fills FILE, prints "ready", and then writes 64 KiB at random
 * places of it, 64 writes at a time, until it is killed.
 */
import { defined } from "../../src/lib/assert.ts";
import { KiB, MiB } from "../../src/lib/units.ts";
import { directMemory } from "../../src/system/direct-memory.ts";
import { createBlockFile } from "../../src/system/linux-block-file.ts";

const FILE_BYTES = 1024 * MiB;
const WRITE_BYTES = 64 * KiB;
const DEPTH = 64;
const PLACES = FILE_BYTES / WRITE_BYTES;

const [path = ""] = process.argv.slice(2);
const file = createBlockFile(path, FILE_BYTES);
const queue = defined(file.openQueue?.(DEPTH), "a queue of writes with O_DIRECT");
const memory = directMemory(MiB);
const bytes = memory.subarray(0, WRITE_BYTES);
for (let at = 0; at < FILE_BYTES; at += MiB) {
  queue.write(0, at, memory);
  while (queue.length > 0) for (const _ of queue.wait());
}
await file.flush();
console.log("ready");

let place = 0;
for (;;) {
  while (queue.length < DEPTH) {
    // A congruential generator with the full period: it visits every place in an order without a pattern for the disk.
    place = (place * 1229 + 4373) % PLACES;
    queue.write(0, place * WRITE_BYTES, bytes);
  }
  for (const _ of queue.wait());
}
