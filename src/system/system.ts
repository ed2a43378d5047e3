import type { Access, BlockFile } from "./block-file.ts";
import type { DurableFiles } from "./durable-files.ts";
import type { Files } from "./files.ts";
import type { MountedFiles } from "./mounted-files.ts";
import type { Mounts } from "./mounts.ts";
import type { Probe } from "./probe.ts";
import type { RebootOptions } from "./reboot.ts";
import type { Watchdog } from "./watchdog.ts";

export interface CommandResult {
  /** Undefined when the deadline ended the program. */
  readonly status: number | undefined;
  /** The last 64 KiB of each stream. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine: everything that tandem uses of it. Functions that use the machine have it as their first parameter. */
export interface System {
  readonly files: Files;
  /** Files that must survive a power cut. */
  readonly durable: DurableFiles;
  /** Files that a boot loader reads too. */
  readonly mounted: MountedFiles;
  readonly mounts: Mounts;
  readonly probe: Probe;
  /** The name in OCI platforms: "amd64". */
  readonly architecture: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cores: number;
  /** The id of the user that runs tandem. 0 is root. */
  readonly userId: number;
  /**
   * The time of day, to print or to record for people. It may jump at any time, so tandem measures and decides nothing
   * with it.
   */
  now(): Date;
  /**
   * Milliseconds since an arbitrary moment, for deadlines and durations. This clock cannot be set and never goes
   * backwards. It stops while the machine is suspended or the virtual machine is paused.
   */
  monotonicMs(): number;
  /** Whether `path` leads to this program or to a copy of it. */
  isSelf(path: string): boolean;
  /** Whether `path` is a regular file that this user may run. */
  isExecutable(path: string): boolean;
  /** The target of a symbolic link. Undefined when `path` is not a symbolic link. */
  readLink(path: string): string | undefined;
  /** Resolves a path relative to the current directory. */
  absolute(path: string): string;
  /** Opens a block device or a plain file. Throws "disk". */
  openBlock(path: string, options: Access): BlockFile;
  /**
   * Makes a plain file of this size with mode 0600. Throws "disk", also when `path` exists. Removes the file after a
   * failure.
   */
  createBlock(path: string, sizeBytes: number): BlockFile;
  /**
   * Takes the lock on a disk. Throws "locked" when another process has it. release() or the end of the process frees
   * it.
   */
  lock(path: string): Promise<{ release(): void }>;
  /**
   * The messages of the kernel since it started, as far as it still has them. Throws when this user may not read them.
   */
  kernelLog(): string;
  /** Runs a program without a shell, in the directory /, with no input. Kills it after `deadlineSeconds`. */
  run(
    command: readonly string[],
    options: { readonly deadlineSeconds: number },
  ): Promise<CommandResult>;
  /**
   * Writes a whole file with this mode, and makes its folders. After a power cut the path has the old or the new
   * content.
   */
  replaceFile(path: string, content: string | Uint8Array, mode: number): void;
  /** Makes a symbolic link and its folders, and replaces an existing file or link. */
  replaceLink(path: string, target: string): void;
  /** Opens a watchdog, which starts it. Undefined when there is none. Throws "boot". */
  openWatchdog(path: string): Watchdog | undefined;
  /** Makes the kernel end this process after so many seconds, even when it hangs. 0 cancels it. */
  endAfter(seconds: number): void;
  /** Restarts the machine through the running service manager: see reboot(). Throws "boot". */
  reboot(options: RebootOptions): Promise<void>;
}
