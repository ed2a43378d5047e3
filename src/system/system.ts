import type { Access, BlockFile } from "./block-file.ts";
import type { DurableFiles } from "./durable-files.ts";
import type { Files } from "./files.ts";
import type { Probe } from "./probe.ts";
import type { RebootOptions } from "./reboot.ts";
import type { Watchdog } from "./watchdog.ts";

export interface CommandResult {
  /** undefined: the deadline ended it. */
  readonly status: number | undefined;
  /** What it printed, the last 64 KiB of each stream. */
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine, as small as tandem needs it. The first parameter of everything that touches it. */
export interface System {
  readonly files: Files;
  /** Files that have to be there after a cut. */
  readonly durable: DurableFiles;
  readonly probe: Probe;
  /** As in OCI platforms: "amd64". */
  readonly architecture: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cores: number;
  /** Of the user that runs tandem; 0 is root. */
  readonly userId: number;
  /** The time of day, to be printed or remembered for people. It may be set at any moment: nothing is measured or decided by it. */
  now(): Date;
  /**
   * Milliseconds since some moment in the past, for deadlines and durations. Nobody sets this clock, it never goes backwards, and it
   * stands still while the machine is suspended or a virtual machine is paused.
   */
  monotonicMs(): number;
  /** Whether it is a regular file that this user may run. */
  isExecutable(path: string): boolean;
  /** The text of a symbolic link; undefined when there is none. */
  readLink(path: string): string | undefined;
  /** Makes a path absolute, seen from the current directory. */
  absolute(path: string): string;
  /** Opens a block device or a plain file; throws `disk`. */
  openBlock(path: string, options: Access): BlockFile;
  /** Makes a plain file of that size, mode 0600. Throws `disk` when there is something; after a failure it is not there either. */
  createBlock(path: string, sizeBytes: number): BlockFile;
  /** Takes the one lock on a disk; throws `locked` when another process has it. It ends with release() or the process. */
  lock(path: string): Promise<{ release(): void }>;
  /** Runs a program without a shell, in the directory /, without input, for at most `deadlineSeconds`. */
  run(
    command: readonly string[],
    options: { readonly deadlineSeconds: number },
  ): Promise<CommandResult>;
  /** Writes a whole file with that mode, folders included: after a cut there is the old one or the new one. */
  replaceFile(path: string, text: string, mode: number): void;
  /** Makes a symbolic link, folders included, in place of what is there. */
  replaceLink(path: string, target: string): void;
  /** Opens a watchdog, which starts it. undefined: there is none. Throws `boot`. */
  openWatchdog(path: string): Watchdog | undefined;
  /** Has the kernel end this process after so many seconds, whatever it does then; 0: not any more. */
  endAfter(seconds: number): void;
  /** Restarts the machine through the service manager that runs; see reboot(). Throws `boot`. */
  reboot(options: RebootOptions): Promise<void>;
}
