import { KiB } from "../lib/units.ts";
import type { CommandResult } from "./system.ts";

const OUTPUT_BYTES_MAX = 64 * KiB;
/** What a program printed is in the pipe when it ends; this is only for taking it out. */
const OUTPUT_WAIT_MS = 500;
/** Where programs are looked for when nobody says: a bare init may start tandem without any PATH. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface RunOptions {
  readonly deadlineSeconds: number;
  /** That of tandem if nothing is said. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Runs a program without a shell, in the directory /, without input. */
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
    // A check that starts children of its own must not outlive its deadline through them.
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
  // A child that left the group holds the pipes open: what it says from now on is not waited for.
  const enough = setTimeout(() => void stopReading(readers), OUTPUT_WAIT_MS);
  const [stdout, stderr] = await output;
  clearTimeout(enough);
  return { status: late.signal.aborted ? undefined : status, stdout, stderr };
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
