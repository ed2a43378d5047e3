/** The built binary under strace(1), which makes system calls fail or sends a signal at one of them. */
import { readFileSync } from "node:fs";
import { TANDEM } from "../binary/appliance.ts";
import { ALONE } from "../peers/alone.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { isRoot, NOBODY } from "./world.ts";

/**
 * A line of strace about a path below /proc/self, which strace resolves to a file of its own. It is not part of
 * tandem's output.
 */
const STRACE_MESSAGE = /^strace: Requested path .*\n/gm;
/** The limit for a run that hangs. The longest trial takes a second. */
const HANG_MS = 20_000;

const AS_NOBODY: Wrapper = {
  outside: isRoot() ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [],
  program: [TANDEM],
};

/** 128 plus the number of the signal. */
const STATUS = { killed: 137, terminated: 143 } as const;

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly hung: boolean;
}

/** The calls to count, and the fault to inject. */
export interface Injection {
  readonly call: string;
  /** In strace's form: "error=EIO", "retval=0", "signal=KILL". */
  readonly kind: string;
  /** In strace's form: "3" for the third call, "3+" for the third and all following calls. */
  readonly when: string;
}

export interface Traced {
  /** Counts only calls on these files. Empty: all calls. */
  readonly paths: readonly string[];
  /** The file for strace's output. */
  readonly log: string;
  /** Default: as the user nobody. */
  readonly wrapper?: Wrapper | undefined;
}

export interface Wrapper {
  /** The command that runs strace. */
  readonly outside: readonly string[];
  /** The command that strace runs before tandem. */
  readonly program: readonly string[];
}

export interface InjectedRun extends Run {
  /** Whether the fault was injected. */
  readonly hit: boolean;
  /** The status of a run that the signal ends. Undefined when tandem itself must end the run. */
  readonly killedBy: number | undefined;
}

/** Runs tandem with one injection. */
export async function runInjected(
  args: readonly string[],
  { call, kind, when }: Injection,
  traced: Traced,
): Promise<InjectedRun> {
  // Stopping only at these calls (seccomp-bpf) would be faster, but strace 6.1 then sends no signals.
  const quick = kind.startsWith("signal") ? [] : ["--seccomp-bpf"];
  const inject = [...quick, "-e", `trace=${call}`, "-e", `inject=${call}:${kind}:when=${when}`];
  const run = await trace(args, inject, traced);
  const seen = readFileSync(traced.log, "utf8");
  if (kind === "signal=KILL") {
    const hit = !run.hung && run.status === STATUS.killed;
    return { ...run, hit, killedBy: STATUS.killed };
  }
  if (!kind.startsWith("signal"))
    return { ...run, hit: seen.includes("(INJECTED)"), killedBy: undefined };
  // Each thread counts its own calls. A second signal ends tandem at once.
  const signals = seen.match(/^\d+ +--- SIGTERM/gm)?.length ?? 0;
  return { ...run, hit: signals > 0, killedBy: signals > 1 ? STATUS.terminated : undefined };
}

/** Runs tandem and counts the calls in `calls`: for each the maximum over all threads. */
export async function countCalls(
  args: readonly string[],
  calls: readonly string[],
  traced: Traced,
): Promise<{ readonly run: Run; readonly counts: ReadonlyMap<string, number> }> {
  const run = await trace(args, ["-e", `trace=${calls.join(",")}`], traced);
  const perThread = new Map<string, number>();
  for (const [, thread, call] of readFileSync(traced.log, "utf8").matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${call} ${thread}`;
    perThread.set(key, (perThread.get(key) ?? 0) + 1);
  }
  const counts = new Map<string, number>();
  for (const [key, count] of perThread) {
    const call = key.split(" ")[0] ?? "";
    counts.set(call, Math.max(count, counts.get(call) ?? 0));
  }
  return { run, counts };
}

function trace(args: readonly string[], options: readonly string[], traced: Traced): Promise<Run> {
  const { paths, log, wrapper = AS_NOBODY } = traced;
  const filter = paths.flatMap((path) => ["-P", path]);
  const strace = ["strace", "-f", "-qq", "-o", log, ...filter, ...options];
  return runLimited([...wrapper.outside, ...strace, ...wrapper.program, ...args]);
}

/** Runs tandem without any injection. */
export function runPlain(...args: readonly string[]): Promise<Run> {
  return runLimited([...AS_NOBODY.outside, ...AS_NOBODY.program, ...args]);
}

/** Ends a hanging run with all its children, because the traced program survives a killed tracer. */
export async function runLimited(words: readonly string[]): Promise<Run> {
  // Output goes to files: this runtime's pipes are sockets, so network faults would affect them.
  await using folder = await temporaryFolder();
  const [stdout, stderr] = [Bun.file(folder.in("stdout")), Bun.file(folder.in("stderr"))];
  const child = Bun.spawn([...words], {
    stdin: "ignore",
    stdout,
    stderr,
    detached: true,
    env: { ...ALONE, LC_ALL: "C" },
  });
  let hung = false;
  const limit = setTimeout(() => {
    hung = true;
    process.kill(-child.pid, "SIGKILL");
  }, HANG_MS);
  const status = await child.exited;
  clearTimeout(limit);
  const messages = (await stderr.text()).replaceAll(STRACE_MESSAGE, "");
  return { status, stdout: await stdout.text(), stderr: messages, hung };
}
