/** Kernels and initrds as small as they can be while a boot loader would take them. */
import { cpio } from "../e2e/cpio.ts";
import { probeKernel } from "../e2e/probe-kernel.ts";

/** A kernel that says its options and resets the machine; `text` behind it makes it different from others. */
export function kernelOf(text: string): Uint8Array {
  return Buffer.concat([probeKernel(), Buffer.from(text)]);
}

/** An initrd with nothing but an init, which is no program. */
export function initrdOf(text: string): Uint8Array {
  return cpio([{ path: "init", kind: "file", data: text, mode: 0o755 }]);
}
