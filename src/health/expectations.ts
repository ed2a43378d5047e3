import { reasonOf } from "../lib/error.ts";
import { lastLines } from "../lib/last-lines.ts";
import { formatBytes } from "../lib/units.ts";
import { parseMounts } from "../slot/mounts.ts";
import type { System } from "../system/system.ts";
import type { Check, Outcome } from "./check.ts";

/** What the configuration expects of a started system. */
export interface Expectations {
  /** Paths that must be mount points. */
  readonly mounted: readonly string[];
  /** systemd must have no failed unit. */
  readonly noFailedUnits: boolean;
  /** Maps a path to the free bytes that its file system must have. */
  readonly freeSpace: Readonly<Record<string, number>>;
  /** URLs that must answer with a status from 200 to 299. */
  readonly urls: readonly string[];
  /** Addresses "host:port" that must accept a connection. */
  readonly tcp: readonly string[];
  /** Names of processes that must be running, compared with /proc/PID/comm, which holds the first 15 bytes. */
  readonly processes: readonly string[];
}

/**
 * The pause between two attempts. A service may still be starting, so a failed attempt is repeated until the deadline.
 */
const RETRY_SECONDS = 1;
const COMM_BYTES_MAX = 15;

/** One attempt. Returns undefined when the expectation holds, else what is wrong. */
type Attempt = (secondsLeft: number) => string | undefined | Promise<string | undefined>;

/** One required check for each expectation. */
export function expectationChecks(system: System, expect: Expectations): Check[] {
  const retried = (name: string, attempt: Attempt): Check => ({
    name,
    required: true,
    run: (seconds) => retryUntil(system, attempt, seconds),
  });
  const { probe } = system;
  return [
    ...expect.mounted.map((path) => retried(`mounted ${path}`, () => mounted(system, path))),
    ...Object.entries(expect.freeSpace).map(([path, bytes]) =>
      once(`free space ${path}`, () => freeSpace(probe.freeBytes(path), bytes)),
    ),
    ...expect.processes.map((name) => retried(`process ${name}`, () => running(system, name))),
    ...expect.tcp.map((address) =>
      retried(`tcp ${address}`, async (seconds) => {
        await probe.connect(address, seconds);
        return undefined;
      }),
    ),
    ...expect.urls.map((url) =>
      retried(`url ${url}`, async (seconds) => answer(await probe.httpStatus(url, seconds))),
    ),
    ...(expect.noFailedUnits
      ? [once("no failed units", (seconds) => failedUnits(system, seconds))]
      : []),
  ];
}

/** A check with one attempt, for what does not change by waiting. */
function once(name: string, attempt: Attempt): Check {
  return {
    name,
    required: true,
    run: async (seconds) => outcome(await failureOf(attempt, seconds)),
  };
}

async function retryUntil(system: System, attempt: Attempt, seconds: number): Promise<Outcome> {
  const endMs = system.monotonicMs() + seconds * 1000;
  let leftSeconds = seconds;
  for (;;) {
    const failure = await failureOf(attempt, leftSeconds);
    leftSeconds = (endMs - system.monotonicMs()) / 1000;
    if (failure === undefined || leftSeconds <= RETRY_SECONDS) return outcome(failure);
    await system.probe.pause(RETRY_SECONDS);
    leftSeconds -= RETRY_SECONDS;
  }
}

async function failureOf(attempt: Attempt, seconds: number): Promise<string | undefined> {
  try {
    return await attempt(seconds);
  } catch (error) {
    return reasonOf(error);
  }
}

function outcome(failure: string | undefined): Outcome {
  return { failure, output: "" };
}

function mounted({ files }: System, path: string): string | undefined {
  const mounts = parseMounts(files.readText("/proc/self/mountinfo") ?? "");
  return mounts.some((mount) => mount.path === path) ? undefined : "has no file system on it";
}

function freeSpace(hasBytes: number, wantBytes: number): string | undefined {
  if (hasBytes >= wantBytes) return undefined;
  return `is ${formatBytes(hasBytes)}, want ${formatBytes(wantBytes)}`;
}

function running({ files }: System, name: string): string | undefined {
  const comm = name.slice(0, COMM_BYTES_MAX);
  const found = files.list("/proc").some((pid) => /^\d+$/.test(pid) && commOf(files, pid) === comm);
  return found ? undefined : "is not running";
}

/** Returns undefined on any error, because a process may end after it was listed. */
function commOf(files: System["files"], pid: string): string | undefined {
  try {
    return files.readText(`/proc/${pid}/comm`)?.trimEnd();
  } catch {
    return undefined;
  }
}

function answer(status: number): string | undefined {
  return status >= 200 && status < 300 ? undefined : `answered with status ${status}`;
}

async function failedUnits(system: System, deadlineSeconds: number): Promise<string | undefined> {
  const command = ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend"];
  const { status, stdout, stderr } = await system.run(command, { deadlineSeconds });
  if (status === undefined) return "could not be asked for: systemctl did not answer in time";
  const reason = stderr.trim() === "" ? "" : `: ${lastLines(stderr).split("\n").at(-1)}`;
  if (status !== 0) return `could not be asked for: systemctl ended with status ${status}${reason}`;
  // systemctl prints warnings to stderr; units are only on stdout.
  const units = stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0] ?? "")
    .filter((unit) => unit !== "");
  return units.length === 0 ? undefined : `but ${units.join(", ")}`;
}
