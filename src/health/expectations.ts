import { reasonOf } from "../lib/error.ts";
import { lastLines } from "../lib/last-lines.ts";
import { formatBytes } from "../lib/units.ts";
import { parseMounts } from "../slot/mounts.ts";
import type { System } from "../system/system.ts";
import type { Check, Outcome } from "./check.ts";

/** What the configuration expects of a system that has come up. */
export interface Expectations {
  /** Where a file system has to be mounted. */
  readonly mounted: readonly string[];
  /** systemd must have no failed unit. */
  readonly noFailedUnits: boolean;
  /** Path → bytes that have to be free on its file system. */
  readonly freeSpace: Readonly<Record<string, number>>;
  /** Have to answer with a status of 200 to 299. */
  readonly urls: readonly string[];
  /** "host:port" that have to take a connection. */
  readonly tcp: readonly string[];
  /** Names of processes that have to be there, as /proc/PID/comm has them: the first 15 bytes. */
  readonly processes: readonly string[];
}

/** Looked at again so often while there is time: what is expected may still be starting. */
const RETRY_SECONDS = 1;
const COMM_BYTES_MAX = 15;

/** undefined: it is so. Otherwise what is instead. */
type Look = (secondsLeft: number) => string | undefined | Promise<string | undefined>;

/** One required check for each expectation. */
export function expectationChecks(system: System, expect: Expectations): Check[] {
  const wait = (name: string, look: Look): Check => ({
    name,
    required: true,
    run: (seconds) => lookUntil(system, look, seconds),
  });
  const { probe } = system;
  return [
    ...expect.mounted.map((path) => wait(`mounted ${path}`, () => mounted(system, path))),
    ...Object.entries(expect.freeSpace).map(([path, bytes]) =>
      once(`free space ${path}`, () => freeSpace(probe.freeBytes(path), bytes)),
    ),
    ...expect.processes.map((name) => wait(`process ${name}`, () => running(system, name))),
    ...expect.tcp.map((address) =>
      wait(`tcp ${address}`, async (seconds) => {
        await probe.connect(address, seconds);
        return undefined;
      }),
    ),
    ...expect.urls.map((url) =>
      wait(`url ${url}`, async (seconds) => answer(await probe.httpStatus(url, seconds))),
    ),
    ...(expect.noFailedUnits
      ? [once("no failed units", (seconds) => failedUnits(system, seconds))]
      : []),
  ];
}

/** For what does not heal by waiting. */
function once(name: string, look: Look): Check {
  return { name, required: true, run: async (seconds) => outcome(await attempt(look, seconds)) };
}

async function lookUntil(system: System, look: Look, seconds: number): Promise<Outcome> {
  const endMs = system.monotonicMs() + seconds * 1000;
  let leftSeconds = seconds;
  for (;;) {
    const failure = await attempt(look, leftSeconds);
    leftSeconds = (endMs - system.monotonicMs()) / 1000;
    if (failure === undefined || leftSeconds <= RETRY_SECONDS) return outcome(failure);
    await system.probe.pause(RETRY_SECONDS);
    leftSeconds -= RETRY_SECONDS;
  }
}

async function attempt(look: Look, seconds: number): Promise<string | undefined> {
  try {
    return await look(seconds);
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

/** A process may end between being listed and being read. */
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
  const said = stderr.trim() === "" ? "" : `: ${lastLines(stderr).split("\n").at(-1)}`;
  if (status !== 0) return `could not be asked for: systemctl ended with status ${status}${said}`;
  // What it prints to stderr are warnings, not units.
  const units = stdout
    .split("\n")
    .map((line) => line.trim().split(/\s+/)[0] ?? "")
    .filter((unit) => unit !== "");
  return units.length === 0 ? undefined : `but ${units.join(", ")}`;
}
