/** Kernels and initrds of the smallest size that a boot loader accepts. */
import { cpio } from "../e2e/cpio.ts";
import { probeKernel } from "../e2e/probe-kernel.ts";

/** A kernel that prints its options and resets the machine. `text` is appended, so that kernels differ. */
export function kernelOf(text: string): Uint8Array {
  return Buffer.concat([probeKernel(), Buffer.from(text)]);
}

/** An initrd with only an init, which is not executable code. */
export function initrdOf(text: string): Uint8Array {
  return cpio([{ path: "init", kind: "file", data: text, mode: 0o755 }]);
}

/** The header of an executable. */
export function elfOf(architecture: "amd64" | "arm64"): Uint8Array {
  const head = Buffer.alloc(64);
  head.write("\u007FELF\u0002\u0001\u0001", "latin1");
  head.writeUInt16LE({ amd64: 62, arm64: 183 }[architecture], 18);
  return new Uint8Array(head);
}
