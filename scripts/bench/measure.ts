/** Runs a program and measures it from outside, without trusting the program's own numbers. */
import { readFileSync } from "node:fs";

export interface Measurement {
  /** From start to exit. */
  readonly seconds: number;
  /** The processor time of all threads, in user space and kernel. */
  readonly cpuSeconds: number;
  /** The most memory that was resident at one time (VmHWM). */
  readonly peakBytes: number;
  /** The bytes that the kernel sent to a device (write_bytes of /proc/PID/io). */
  readonly deviceBytes: number;
  readonly stdout: string;
}

/** Both counters only grow, so frequent reads miss only the last moment before the exit. */
const SAMPLE_MS = 5;

/** Throws with the program's stderr when it fails. */
export async function measured(...words: readonly string[]): Promise<Measurement> {
  const startMs = performance.now();
  const child = Bun.spawn([...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // Without this a child gets the environment of the start of this process, and not the one that forgetHost() left.
    env: process.env,
  });
  let [peakBytes, deviceBytes] = [0, 0];
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, counter(child.pid, "status", "VmHWM") * 1024);
    deviceBytes = Math.max(deviceBytes, counter(child.pid, "io", "write_bytes"));
  }, SAMPLE_MS);
  const output = new Response(child.stdout).text();
  const talk = new Response(child.stderr).text();
  const status = await child.exited;
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(sampler);
  if (status !== 0)
    throw new Error(`Cannot run ${words.join(" ")}: status ${status}, ${(await talk).trim()}`);
  const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
  return { seconds, cpuSeconds, peakBytes, deviceBytes, stdout: await output };
}

/** The number behind `name:` in a file of /proc; 0 when the process is gone. */
function counter(pid: number, file: string, name: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/${file}`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** The processor time of a running process so far, in user space and kernel. Linux counts in hundredths of a second. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[Math.ceil(sorted.length / 2) - 1],
    sorted[middle],
  ];
  return (low + high) / 2;
}
