/** Measures how long a program takes to do nothing: the cost of the runtime, and of tandem. */
import { measured, median } from "./measure.ts";

const RUNS = 20;
/**
 * Runs a program and prints its peak memory in KiB. The program is too short for samples, and wait4(2) counts the memory of
 * the parent, too. So a small program is the parent.
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
  /** The peak of resident memory while the version is printed. */
  readonly tandemPeakBytes: number;
}

export interface Binary {
  readonly sizeBytes: number;
  /** The size of the release: compressed by zstd -19. */
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

/** The medians of alternating runs. */
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
