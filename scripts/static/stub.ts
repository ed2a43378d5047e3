/** Compiles the loader stub, C without a C library, to bytes for a fixed address. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PAGE_BYTES } from "./elf.ts";

/** Above all segments of Bun, which end near 0x6a00000, and below 2 GiB, the limit of 32-bit addresses in code. */
export const STUB_ADDRESS = 0x10000000;
/** The code begins one page after `head`. */
export const STUB_CODE_ADDRESS = STUB_ADDRESS + PAGE_BYTES;

/** Prevents calls of a C library, relocations, and paths, times or ids in the output. */
const FLAGS = [
  ..."-std=gnu11 -Os -Wall -Wextra -Werror -m64 -mcmodel=small -mgeneral-regs-only".split(" "),
  ..."-ffreestanding -fno-builtin -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none".split(
    " ",
  ),
  ..."-fno-tree-loop-distribute-patterns -fno-asynchronous-unwind-tables -fno-lto".split(" "),
  ..."-nostdlib -no-pie -static -Wl,--build-id=none -Wl,--oformat=binary".split(" "),
];

/** The code and constants of the stub, for STUB_CODE_ADDRESS. The kernel jumps to the first byte. */
export function compileStub(compiler: string = process.env["CC"] ?? "cc"): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "tandem-stub-"));
  try {
    const output = join(folder, "stub");
    const source = join(import.meta.dir, "stub.c");
    const script = join(import.meta.dir, "stub.ld");
    run(compiler, [
      ...FLAGS,
      `-Wl,--defsym=STUB_ADDRESS=0x${STUB_ADDRESS.toString(16)}`,
      `-Wl,-T,${script}`,
      "-o",
      output,
      source,
    ]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(compiler: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: "utf8" });
  if (error !== undefined)
    throw new Error(
      `Cannot compile the loader stub: no C compiler "${compiler}" (on Debian: apt-get install gcc; or set CC)`,
      { cause: error },
    );
  if (status !== 0)
    throw new Error(`Cannot compile the loader stub: "${compiler}" says:\n${stderr}`);
}
