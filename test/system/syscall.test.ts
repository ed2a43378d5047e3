import { afterAll, expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeRefusedHints } from "../../src/system/hint.ts";
import { SyscallError } from "../../src/system/call.ts";
import { forgetCached, sizeOf, tryLock } from "../../src/system/syscall.ts";

const EBADF = 9;
const folder = mkdtempSync(join(tmpdir(), "tandem-syscall-"));
afterAll(() => rmSync(folder, { recursive: true }));

function withFile<T>(use: (fd: number) => T): T {
  const fd = openSync(join(folder, "file"), "w+");
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function errnoOf(action: () => unknown): number | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof SyscallError ? error.errno : undefined;
  }
}

test.each([0, 1, 4096, 2 ** 31, 2 ** 32 + 17, 2 ** 40])("sizeOf() a file of %p bytes", (size) => {
  withFile((fd) => {
    ftruncateSync(fd, size);
    expect(sizeOf(fd)).toBe(size);
  });
});

test("a call on a closed descriptor always fails with EBADF", () => {
  const errnos = Array.from({ length: 1000 }, () => errnoOf(() => sizeOf(-1)));
  expect(new Set(errnos)).toEqual(new Set([EBADF]));
  expect(() => tryLock(-1)).toThrow("EBADF: flock failed");
});

test("forgetCached() accepts files, and records a refusal for pipes", async () => {
  takeRefusedHints();
  withFile((fd) => forgetCached(fd, 0, 2 ** 33));
  expect(takeRefusedHints()).toEqual([]);
  const program = `
    import { forgetCached } from "./src/system/syscall.ts";
    import { takeRefusedHints } from "./src/system/hint.ts";
    forgetCached(0, 0, 1);
    console.log(takeRefusedHints().join());`;
  const shell = ["sh", "-c", `true | "$@"`, "sh"];
  const child = Bun.spawn([...shell, process.execPath, "-e", program], { stdout: "pipe" });
  expect(await child.stdout.text()).toContain("ESPIPE: fadvise64 failed");
});

test("tryLock() is false while another descriptor has the lock", () => {
  withFile((one) => {
    expect(tryLock(one)).toBe(true);
    expect(tryLock(one)).toBe(true);
    const other = openSync(join(folder, "file"), "r");
    expect(tryLock(other)).toBe(false);
    closeSync(other);
  });
  withFile((next) => expect(tryLock(next)).toBe(true));
});

test("endAfter() ends a process that hangs, unless it is cancelled", async () => {
  const source = new URL("../../src/system/syscall.ts", import.meta.url).pathname;
  const script = (more: string): string =>
    `import { endAfter } from "${source}"; endAfter(1); ${more}`;
  const spins = Bun.spawn([process.execPath, "-e", script("for (;;);")], { stderr: "ignore" });
  const lives = Bun.spawn([process.execPath, "-e", script("endAfter(0);")], { stderr: "ignore" });
  expect([await lives.exited, lives.signalCode]).toEqual([0, null]);
  await spins.exited;
  expect(spins.signalCode).toBe("SIGALRM");
});
