import { ptr } from "bun:ffi";
import { expect, test } from "bun:test";
import { MiB } from "../../src/lib/units.ts";
import { directMemory } from "../../src/system/direct-memory.ts";

test.each([1, 4096, 2 * MiB - 1, 2 * MiB, 2 * MiB + 1, 4 * MiB])(
  "directMemory(%i) starts on a page, on a huge page from 2 MiB on, and has its full size",
  (sizeBytes) => {
    const pageBytes = sizeBytes < 2 * MiB ? 4096 : 2 * MiB;
    const memory = directMemory(sizeBytes);
    expect(ptr(memory) % pageBytes).toBe(0);
    expect(memory.byteLength).toBe(sizeBytes);
    memory.fill(7);
    Bun.gc(true);
    expect(ptr(memory) % pageBytes).toBe(0);
    expect(memory.every((byte) => byte === 7)).toBe(true);
  },
);

test("directMemory() gives each caller its own memory", () => {
  const many = Array.from({ length: 5 }, (_, index) => directMemory(4096).fill(index));
  expect(many.map((memory) => memory[4095])).toEqual([0, 1, 2, 3, 4]);
});
