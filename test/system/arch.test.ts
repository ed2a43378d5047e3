import { expect, test } from "bun:test";
import { ARCH, archOf } from "../../src/system/arch.ts";
import { linux } from "../../src/system/linux.ts";

test("the machine's architecture is the one of its system calls", () => {
  expect(ARCH).toBe(archOf(process.arch));
  expect(linux.architecture).toBe(ARCH.ociName);
});

test("x64 is amd64 of OCI, with the numbers of asm/unistd_64.h", () => {
  const { ociName, syscalls } = archOf("x64");
  expect(ociName).toBe("amd64");
  expect(syscalls).toMatchObject({
    lseek: 8,
    rtSigaction: 13,
    execve: 59,
    flock: 73,
    reboot: 169,
    syncFileRange: 277,
    syncfs: 306,
  });
  expect(new Set(Object.values(syscalls)).size).toBe(Object.keys(syscalls).length);
});

test("an architecture without known system calls is refused", () => {
  expect(() => archOf("mips")).toThrow("Cannot run on mips: its system calls are not known");
});
