/**
 * Runs groups of tests: `bun scripts/test.ts GROUP...`. The last line is "N passed, N failed". A test may print lines such
 * as "count: faults 123". The line before the last holds the sum of each such count.
 */
import { Glob } from "bun";
import { readdirSync, statSync } from "node:fs";

/** Groups that are slow, or need Debian's tools, the built binary, root or a virtual machine. All other tests are "unit". */
const SLOW = ["power-cut", "oracle", "binary", "static", "faults", "e2e"] as const;
/** Groups of which each file takes minutes. */
const BY_FILE: ReadonlySet<string> = new Set(["power-cut", "faults", "e2e"]);
/** The number of runners at the same time in a group. */
const LANES = 2;
const LONGEST: ReadonlySet<string> = new Set(["stories.test.ts", "kairos.test.ts"]);
/** Runs beside the other lanes, because its virtual machine waits five minutes and needs no processor meanwhile. */
const WAITS = "openrc.test.ts";
/** Only for tests that hang: beside ten other programs a test of one second takes twenty. */
const TIMEOUT_MS = { unit: 300_000, slow: 1_800_000 } as const;

/** The number of lines that are shown with a failure. */
const LINES_OF_A_FAILURE = 12;

interface Sums {
  readonly passed: number;
  readonly failed: number;
  /** The failures, each with the last lines before it. */
  readonly failures: readonly string[];
  /** The sums of the counts, by name. */
  readonly counts: ReadonlyMap<string, number>;
}

const groups = process.argv.slice(2);
const sums: Sums[] = [];
for (const group of groups) sums.push(await runGroup(group));
const { passed, failed, failures, counts } = total(sums);
// Again at the end, because a reader of a long run sees only the last page.
for (const failure of failures) console.error(failure);
if (counts.size > 0) console.log([...counts].map(([what, count]) => `${count} ${what}`).join(", "));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** The input of one runner: a folder, a group, or a single slow file, so that all processors have work. */
function shareOf(group: string): string[][] {
  if (group === "unit") return unitFolders().map((path) => [path]);
  if (!BY_FILE.has(group)) return [[`./test/${group}/`]];
  const files = readdirSync(`test/${group}`).filter((name) => name.endsWith(".test.ts"));
  // The longest first, so that the runners end at about the same time.
  return files
    .toSorted((one, other) => Number(LONGEST.has(other)) - Number(LONGEST.has(one)))
    .map((name) => [`./test/${group}/${name}`]);
}

/** The folders and files of the unit tests. The one with the most text comes first, so that the runners end at about the same time. */
function unitFolders(): string[] {
  const files = [...new Glob("**/*.test.ts").scanSync("test")];
  const folders = Map.groupBy(files, (path) => path.split("/", 1)[0] ?? "");
  return [...folders]
    .filter(([name]) => !SLOW.some((slow) => slow === name))
    .toSorted(([, one], [, other]) => textIn(other) - textIn(one))
    .map(([name]) => `./test/${name}`);
}

function textIn(files: readonly string[]): number {
  return files.reduce((sum, path) => sum + statSync(`test/${path}`).size, 0);
}

async function runGroup(group: string): Promise<Sums> {
  console.log(`# ${group}`);
  const { waits = [], works = [] } = Object.groupBy(shareOf(group), ([path = ""]) =>
    path.endsWith(`/${WAITS}`) ? "waits" : "works",
  );
  const all: Sums[] = [];
  const lane = async (queue: string[][]): Promise<void> => {
    for (let paths = queue.shift(); paths !== undefined; paths = queue.shift())
      all.push(await runPaths(group, paths));
  };
  await Promise.all([lane(waits), ...Array.from({ length: LANES }, () => lane(works))]);
  return total(all);
}

async function runPaths(group: string, paths: readonly string[]): Promise<Sums> {
  const timeoutMs = group === "unit" ? TIMEOUT_MS.unit : TIMEOUT_MS.slow;
  const child = Bun.spawn([process.execPath, "test", `--timeout=${timeoutMs}`, ...paths], {
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, FORCE_COLOR: "0" },
  });
  const [said, output] = await Promise.all([
    echo(child.stdout, process.stdout),
    echo(child.stderr, process.stderr),
  ]);
  const status = await child.exited;
  return { ...judge(paths.join(" "), output, status), counts: countsIn(said) };
}

function total(all: readonly Sums[]): Sums {
  return {
    passed: all.reduce((sum, one) => sum + one.passed, 0),
    failed: all.reduce((sum, one) => sum + one.failed, 0),
    failures: all.flatMap((one) => one.failures),
    counts: sumOf(all.flatMap((one) => [...one.counts])),
  };
}

function countsIn(said: string): Map<string, number> {
  return sumOf(
    [...said.matchAll(/^count: (.+) (\d+)$/gm)].map(([, what = "", count]) => [
      what,
      Number(count),
    ]),
  );
}

function sumOf(found: readonly (readonly [string, number])[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const [what, count] of found) sum.set(what, (sum.get(what) ?? 0) + count);
  return sum;
}

/** Copies a runner's output, and returns it. bun prints its report on stderr. */
async function echo(
  stream: ReadableStream<Uint8Array>,
  target: NodeJS.WriteStream,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    target.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The result of a group. Skipped tests, a group without tests and a runner that crashed count as failures. */
function judge(group: string, output: string, status: number): Omit<Sums, "counts"> {
  const count = (word: string): number =>
    Number(output.match(new RegExp(`^ *(\\d+) ${word}$`, "m"))?.[1] ?? 0);
  const passedHere = count("pass");
  const failedHere = count("fail") + count("errors?") + count("skip") + count("todo");
  if (failedHere > 0)
    return { passed: passedHere, failed: failedHere, failures: failuresIn(group, output) };
  if (status === 0 && passedHere > 0) return { passed: passedHere, failed: 0, failures: [] };
  const died = `${group}: ended with status ${status} and ${passedHere} tests passed`;
  return {
    passed: passedHere,
    failed: 1,
    failures: [`${died}\n${indented(output.split("\n").slice(-LINES_OF_A_FAILURE))}`],
  };
}

/** The lines before each failed test, and the lines after an error outside of all tests. */
function failuresIn(group: string, output: string): string[] {
  const lines = output.split("\n");
  return lines.flatMap((line, index) => {
    if (line.startsWith("# Unhandled error"))
      return [`${group}: ${line}\n${indented(lines.slice(index + 1, index + LINES_OF_A_FAILURE))}`];
    // A runner lists its failures again at the end, without the lines before them.
    if (!/^\((fail|skip|todo)\)/.test(line) || lines.indexOf(line) < index) return [];
    return [`${group}: ${line}\n${indented(lines.slice(0, index).slice(-LINES_OF_A_FAILURE))}`];
  });
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `    ${line}`).join("\n");
}
