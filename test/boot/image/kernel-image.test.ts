import { expect, test } from "bun:test";
import { flawOfKernel } from "../../../src/boot/image/kernel-image.ts";
import { probeKernel } from "../../e2e/probe-kernel.ts";

/** A kernel of version 2.12 of the boot protocol, changed at an offset. */
function kernel(...changes: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const bytes = probeKernel();
  bytes.set([0x0c, 0x02], 0x206);
  bytes.set([1], 0x236);
  for (const [offset, values] of changes) bytes.set(values, offset);
  return bytes;
}

const text = (offset: number, magic: string): Uint8Array =>
  Buffer.concat([Buffer.alloc(offset), Buffer.from(magic, "latin1"), Buffer.alloc(512)]);

test.each([
  ["a 64-bit kernel", kernel(), undefined],
  ["one of a protocol without load flags", probeKernel(), undefined],
  ["a 32-bit kernel", kernel([0x236, [0]]), "is for 386, the machine is amd64"],
  ["one for arm64", text(0x38, "ARMd"), "is for arm64, the machine is amd64"],
  ["one for riscv64", text(0x38, "RSC\u0005"), "is for riscv64, the machine is amd64"],
  ["one for arm", text(0x24, "\u0018\u0028\u006f\u0001"), "is for arm, the machine is amd64"],
  ["no boot flag", kernel([0x1fe, [0, 0]]), "is no Linux kernel"],
  ["no magic", kernel([0x202, [0, 0, 0, 0]]), "is no Linux kernel"],
  ["another EFI program", text(0, "MZ"), "is no Linux kernel"],
  ["an ELF file", text(0, "\u007fELF"), "is no Linux kernel"],
  ["a gzip file", text(0, "\u001f\u008b"), "is no Linux kernel"],
  ["a text", Buffer.from("x".repeat(5000)), "is no Linux kernel"],
  ["a few bytes", kernel().subarray(0, 0x206), "is no Linux kernel"],
  ["nothing", new Uint8Array(0), "is no Linux kernel"],
  ["one byte too few", kernel().subarray(0, 1535), "is cut off: 1535 bytes of at least 1536"],
  ["a byte more", Buffer.concat([kernel(), Buffer.from("x")]), undefined],
] as const)("flawOfKernel() of %s", (...row) => {
  const [, bytes, want] = row;
  const head = bytes.subarray(0, 4096);
  expect(flawOfKernel({ head, sizeBytes: bytes.byteLength }, "amd64")).toBe(want);
});

test("a kernel for arm64 can be started on arm64", () => {
  const head = text(0x38, "ARMd");
  expect(flawOfKernel({ head, sizeBytes: head.byteLength }, "arm64")).toBeUndefined();
});
