/** The built binary under strace(1), which makes system calls fail or sends a signal at one of them. */
import { readFileSync } from "node:fs";
import { TANDEM } from "../binary/appliance.ts";
import { ALONE } from "../peers/alone.ts";
import { temporaryFolder } from "../peers/temporary-folder.ts";
import { isRoot, NOBODY } from "./world.ts";

/** A path below /proc/self is not the same to the tracer; tandem's own is found by its name. */
const TRACERS_OWN = /^strace: Requested path .*\n/gm;
/** Only for what hangs: the longest trial takes a second. */
const HANG_MS = 20_000;

const AS_NOBODY: Around = {
  outside: isRoot() ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [],
  program: [TANDEM],
};

/** 128 and the number of the signal. */
const STATUS = { killed: 137, terminated: 143 } as const;

export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly hung: boolean;
}

/** Which calls are counted, and what becomes of them. */
export interface Injection {
  readonly call: string;
  /** As strace writes it: "error=EIO", "retval=0", "signal=KILL". */
  readonly kind: string;
  /** As strace writes it: "3", or "3+" for this one and all that follow. */
  readonly when: string;
}

export interface Traced {
  /** Only calls on these files are counted; empty: all. */
  readonly paths: readonly string[];
  /** Where strace writes what it saw. */
  readonly log: string;
  /** nobody, unless given. */
  readonly around?: Around | undefined;
}

export interface Around {
  /** What strace runs in. */
  readonly outside: readonly string[];
  /** What strace runs. */
  readonly program: readonly string[];
}

export interface InjectedRun extends Run {
  /** Whether there was such a call. */
  readonly hit: boolean;
  /** The status that the signal itself gives to the run; undefined: tandem has to end it. */
  readonly killedBy: number | undefined;
}

/** Runs tandem with one injection. */
export async function runInjected(
  args: readonly string[],
  { call, kind, when }: Injection,
  traced: Traced,
): Promise<InjectedRun> {
  // It is quicker when only these calls stop the program, but strace 6.1 then sends no signals.
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
  // Each thread counts its own calls. Whoever is asked to stop a second time stops at once.
  const signals = seen.match(/^\d+ +--- SIGTERM/gm)?.length ?? 0;
  return { ...run, hit: signals > 0, killedBy: signals > 1 ? STATUS.terminated : undefined };
}

/** Runs tandem, and counts each call of `calls`: how often at most one thread makes it. */
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
  const { paths, log, around = AS_NOBODY } = traced;
  const filter = paths.flatMap((path) => ["-P", path]);
  const strace = ["strace", "-f", "-qq", "-o", log, ...filter, ...options];
  return runLimited([...around.outside, ...strace, ...around.program, ...args]);
}

/** Runs tandem without any injection. */
export function runPlain(...args: readonly string[]): Promise<Run> {
  return runLimited([...AS_NOBODY.outside, ...AS_NOBODY.program, ...args]);
}

/** Ends what hangs, with all that it has started: a tracer that is killed leaves its program running. */
export async function runLimited(words: readonly string[]): Promise<Run> {
  // Into files: a pipe of this runtime is a socket, so that a fault of the network would hit what is printed.
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
  const said = (await stderr.text()).replaceAll(TRACERS_OWN, "");
  return { status, stdout: await stdout.text(), stderr: said, hung };
}
