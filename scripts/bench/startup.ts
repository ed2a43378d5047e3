/** How long a program takes to do nothing: what the runtime costs, and what tandem adds to it. */
import { measured, median } from "./measure.ts";

const RUNS = 20;
/**
 * Runs a program and prints its peak memory in KiB. The program is too short to be watched, and what wait4(2) tells of a child
 * counts the memory of who started it, too: so somebody small has to.
 */
const PEAK = [
  "python3",
  "-c",
  "import resource, subprocess, sys\n" +
    "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True, close_fds=False)\n" +
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
] as const;

export interface Startup {
  readonly tandemSeconds: number;
  readonly emptySeconds: number;
  /** The most memory that was resident while the version was printed. */
  readonly tandemPeakBytes: number;
}

export interface Binary {
  readonly sizeBytes: number;
  /** Under zstd -19, as it is released. */
  readonly compressedBytes: number;
}

export async function measureBinary(path: string): Promise<Binary> {
  const zstd = Bun.spawn(["zstd", "-19", "-T0", "--stdout", "--quiet", path], { stdout: "pipe" });
  let compressedBytes = 0;
  for await (const chunk of zstd.stdout) compressedBytes += chunk.byteLength;
  const status = await zstd.exited;
  if (status !== 0) throw new Error(`Cannot compress ${path}: zstd ended with status ${status}`);
  return { sizeBytes: Bun.file(path).size, compressedBytes };
}

/** Medians of runs that take turns. */
export async function measureStartup(
  tandem: readonly string[],
  empty: readonly string[],
): Promise<Startup> {
  const runs: Startup[] = [];
  for (let run = 0; run < RUNS; run += 1)
    runs.push({
      tandemSeconds: (await measured(...tandem, "--version")).seconds,
      tandemPeakBytes: Number((await measured(...PEAK, ...tandem, "--version")).stdout) * 1024,
      emptySeconds: (await measured(...empty)).seconds,
    });
  return {
    tandemPeakBytes: median(runs.map(({ tandemPeakBytes }) => tandemPeakBytes)),
    tandemSeconds: median(runs.map(({ tandemSeconds }) => tandemSeconds)),
    emptySeconds: median(runs.map(({ emptySeconds }) => emptySeconds)),
  };
}
