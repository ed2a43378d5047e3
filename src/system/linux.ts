import { accessSync, closeSync, constants, openSync, readlinkSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { durableFiles } from "./durable-files.ts";
import { linuxFiles } from "./files.ts";
import { createBlockFile, openBlockFile } from "./linux-block-file.ts";
import { linuxProbe } from "./probe.ts";
import { replaceFile, replaceLink } from "./replace-file.ts";
import { restart, tryLock } from "./syscall.ts";
import type { CommandResult, System } from "./system.ts";
import { openWatchdog } from "./watchdog.ts";

/** udev takes a shared lock on a disk while it looks at it; that lasts well under this. */
const LOCK_WAIT_MS_MAX = 2000;
const LOCK_RETRY_MS = 100;
const OUTPUT_BYTES_MAX = 64 * KiB;
/** What a program printed is in the pipe when it ends; this is only for taking it out. */
const OUTPUT_WAIT_MS = 500;
const REBOOT_COMMAND = ["systemctl", "reboot"];

export const linux: System = {
  files: linuxFiles,
  durable: durableFiles,
  probe: linuxProbe,
  architecture: "amd64",
  environment: process.env,
  cores: availableParallelism(),
  now: () => new Date(),
  // CLOCK_MONOTONIC, which Bun.sleep(), setTimeout() and AbortSignal.timeout() go by, too.
  monotonicMs: () => performance.now(),
  isExecutable,
  readLink,
  absolute: (path) => resolve(path),
  openBlock: openBlockFile,
  createBlock: createBlockFile,
  lock,
  run,
  replaceFile,
  replaceLink,
  openWatchdog,
  reboot,
};

async function lock(path: string): Promise<{ release(): void }> {
  const fd = openForLock(path);
  for (let waitedMs = 0; !tryLock(fd); waitedMs += LOCK_RETRY_MS) {
    if (waitedMs >= LOCK_WAIT_MS_MAX) {
      closeSync(fd);
      throw new TandemError("locked", `Cannot lock ${path}: another run is at work on it`, {
        hint: "Wait until it has ended, or end it; a run that was killed leaves no lock behind.",
      });
    }
    await Bun.sleep(LOCK_RETRY_MS);
  }
  return { release: () => closeSync(fd) };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function openForLock(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new TandemError("disk", `Cannot lock ${path}: ${reasonOf(cause)}`, { cause });
  }
}

async function run(
  command: readonly string[],
  { deadlineSeconds }: { readonly deadlineSeconds: number },
): Promise<CommandResult> {
  const child = Bun.spawn([...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // A check that starts children of its own must not outlive its deadline through them.
    detached: true,
  });
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    killGroup(child.pid);
  }, deadlineSeconds * 1000);
  const readers = [child.stdout.getReader(), child.stderr.getReader()];
  const output = Promise.all(readers.map((reader) => tail(reader)));
  const status = await child.exited;
  killGroup(child.pid);
  clearTimeout(timer);
  // A child that left the group holds the pipes open: what it says from now on is not waited for.
  const enough = setTimeout(() => void stopReading(readers), OUTPUT_WAIT_MS);
  const texts = await output;
  clearTimeout(enough);
  return { status: late.signal.aborted ? undefined : status, output: texts.join("") };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // ESRCH: nothing is left of the group, which is what is wanted.
  }
}

interface Reader {
  read(): Promise<{ readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

async function stopReading(readers: readonly Reader[]): Promise<void> {
  await Promise.all(readers.map((reader) => reader.cancel()));
}

async function tail(reader: Reader): Promise<string> {
  let kept = Buffer.alloc(0);
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return kept.toString("utf8");
    kept = Buffer.from(Buffer.concat([kept, value]).subarray(-OUTPUT_BYTES_MAX));
  }
}

async function reboot(): Promise<void> {
  try {
    const { status } = await run(REBOOT_COMMAND, { deadlineSeconds: 60 });
    if (status === 0) return;
  } catch {
    // No systemd here: a minimal system or an initramfs. The kernel does it.
  }
  try {
    restart();
  } catch (cause) {
    throw new TandemError("boot", `Cannot restart the machine: ${reasonOf(cause)}`, { cause });
  }
}
