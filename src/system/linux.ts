import { accessSync, closeSync, constants, openSync, readlinkSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { reasonOf, TandemError } from "../lib/error.ts";
import { ARCH } from "./arch.ts";
import { durableFiles } from "./durable-files.ts";
import { linuxFiles } from "./files.ts";
import { readKernelLog } from "./kernel-log.ts";
import { createBlockFile, openBlockFile, refuseOtherFiles } from "./linux-block-file.ts";
import { linuxMountedFiles } from "./mounted-files.ts";
import { linuxMounts } from "./mounts.ts";
import { linuxProbe } from "./probe.ts";
import { linuxPrograms } from "./programs.ts";
import { reboot } from "./reboot.ts";
import { replaceFile, replaceLink } from "./replace-file.ts";
import { run } from "./run.ts";
import { endAfter, restart, sync, tryLock } from "./syscall.ts";
import type { System } from "./system.ts";
import { openWatchdog } from "./watchdog.ts";

/** udev takes a shared lock on a disk while it reads the disk, for much less than this time. */
const LOCK_WAIT_MS_MAX = 2000;
const LOCK_RETRY_MS = 100;

export const linux: System = {
  files: linuxFiles,
  durable: durableFiles,
  mounted: linuxMountedFiles,
  mounts: linuxMounts,
  probe: linuxProbe,
  architecture: ARCH.ociName,
  environment: process.env,
  cores: availableParallelism(),
  userId: process.getuid?.() ?? 0,
  now: () => new Date(),
  // CLOCK_MONOTONIC, which Bun.sleep(), setTimeout() and AbortSignal.timeout() use too.
  monotonicMs: () => performance.now(),
  isExecutable,
  isSelf: (path) => linuxPrograms.isSelf(path),
  readLink,
  absolute: (path) => resolve(path),
  openBlock: openBlockFile,
  createBlock: createBlockFile,
  lock,
  kernelLog: () => readKernelLog(),
  run,
  replaceFile,
  replaceLink,
  openWatchdog,
  endAfter,
  reboot: (options) => reboot({ ...linux, sync, restart }, options),
};

async function lock(path: string): Promise<{ release(): void }> {
  const fd = openForLock(path);
  for (let waitedMs = 0; !tryLockAt(fd, path); waitedMs += LOCK_RETRY_MS) {
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

/** Tries to lock. Some file systems have no locks: 9p, FUSE, and NFS with some mount options. */
function tryLockAt(fd: number, path: string): boolean {
  try {
    return tryLock(fd);
  } catch (cause) {
    closeSync(fd);
    throw new TandemError("disk", `Cannot lock ${path}: ${reasonOf(cause)}`, {
      cause,
      hint: "The file system that holds it may have no locks: use a local one.",
    });
  }
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
    refuseOtherFiles(path);
    return openSync(path, "r");
  } catch (cause) {
    throw new TandemError("disk", `Cannot lock ${path}: ${reasonOf(cause)}`, { cause });
  }
}
