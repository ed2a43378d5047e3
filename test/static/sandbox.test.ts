/** Tests the stub's messages when a sandbox refuses a system call. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";

import { command } from "../peers/command.ts";
import { temporaryFolder, type TemporaryFolder } from "../peers/temporary-folder.ts";
import { PROBE, run } from "./probe.ts";

/** asm/unistd_64.h, asm-generic/errno-base.h. */
const CALL = {
  open: 2,
  mmap: 9,
  mprotect: 10,
  madvise: 28,
  getrandom: 318,
  memfd_create: 319,
};
const ERRNO = { EPERM: 1, ENOMEM: 12, EACCES: 13, ENOSYS: 38 };

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  await command("cc", "-static", "-o", folder.in("refuse"), join(import.meta.dir, "refuse.c"));
});
afterAll(() => folder[Symbol.asyncDispose]());

const NO_MEMFD =
  "memfd_create is refused; it needs Linux 4.19 or newer and no seccomp filter against it";

test.each([
  ["memfd_create", "ENOSYS", NO_MEMFD],
  ["memfd_create", "EPERM", NO_MEMFD],
  ["open", "EACCES", "/proc/self/fd cannot be read"],
  ["mmap", "ENOMEM", "no memory to map the loader"],
  ["mprotect", "EACCES", "the kernel refused to change the protection of memory"],
] as const)("%s refused with %s ends with one line and 127", (call, errno, why) => {
  const words = [`${CALL[call]}`, `${ERRNO[errno]}`, PROBE, "hello"];
  expect(run([folder.in("refuse"), ...words])).toEqual({
    stdout: "",
    stderr: `tandem: Cannot start: ${why}\n`,
    status: 127,
  });
});

test.each([
  ["getrandom", "ENOSYS"],
  ["madvise", "ENOSYS"],
] as const)("%s refused with %s does not stop it", (call, errno) => {
  const words = [`${CALL[call]}`, `${ERRNO[errno]}`, PROBE, "hello"];
  expect(run([folder.in("refuse"), ...words])).toMatchObject({ stdout: '"hello"\n', status: 0 });
});
