import { ptr } from "bun:ffi";
import { alignUp, MiB } from "../lib/units.ts";
import { preferHugePages } from "./syscall.ts";

const PAGE_BYTES = 4096;
const HUGE_PAGE_BYTES = 2 * MiB;

/**
 * Allocates memory for O_DIRECT, aligned to pages. The runtime never moves it. From 2 MiB on it asks for huge pages,
 * which are contiguous: a transfer needs few segments then. With small pages each page is a segment, and a virtio disk
 * accepts only 254 segments in a request.
 */
export function directMemory(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const pageBytes = sizeBytes < HUGE_PAGE_BYTES ? PAGE_BYTES : HUGE_PAGE_BYTES;
  const room = new Uint8Array(alignUp(sizeBytes, pageBytes) + pageBytes);
  const address = ptr(room);
  const start = alignUp(address, pageBytes) - address;
  const memory = room.subarray(start, start + sizeBytes);
  if (pageBytes === HUGE_PAGE_BYTES) preferHugePages(memory);
  return memory;
}
