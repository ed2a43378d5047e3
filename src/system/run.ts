import { KiB } from "../lib/units.ts";
import type { CommandResult } from "./system.ts";

const OUTPUT_BYTES_MAX = 64 * KiB;
/** The pipe already holds a program's output when the program ends. This is the time to read the pipe. */
const OUTPUT_WAIT_MS = 500;
/** The default, because a minimal init may start tandem without PATH. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface RunOptions {
  readonly deadlineSeconds: number;
  /** Default: the environment of tandem. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Runs a program without a shell, in the directory /, with no input. Rejects when the program cannot be started. */
export async function run(
  command: readonly string[],
  { deadlineSeconds, environment = process.env }: RunOptions,
): Promise<CommandResult> {
  const child = Bun.spawn([...command], {
    cwd: "/",
    env: { PATH, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // A process group of its own: at the deadline the program's children are killed too.
    detached: true,
  });
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    killGroup(child.pid);
  }, deadlineSeconds * 1000);
  const readers = [child.stdout.getReader(), child.stderr.getReader()] as const;
  const output = Promise.all([tail(readers[0]), tail(readers[1])]);
  const status = await child.exited;
  killGroup(child.pid);
  clearTimeout(timer);
  // A child that left the group keeps the pipes open. Do not wait for more of its output.
  const enough = setTimeout(() => void stopReading(readers), OUTPUT_WAIT_MS);
  const [stdout, stderr] = await output;
  clearTimeout(enough);
  return { status: late.signal.aborted ? undefined : status, stdout, stderr };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // ESRCH: no process of the group is left.
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
