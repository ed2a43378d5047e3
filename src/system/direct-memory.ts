import { ptr } from "bun:ffi";
import { alignUp, MiB } from "../lib/units.ts";
import { preferHugePages } from "./syscall.ts";

const PAGE_BYTES = 4096;
const HUGE_PAGE_BYTES = 2 * MiB;

/**
 * Memory for reads with O_DIRECT, aligned to pages. As much as fills huge pages lies in such where the system has them: a transfer is in
 * one piece then, while of small pages each is a piece, and a virtio disk takes 254 in a request. Its bytes are never moved.
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
