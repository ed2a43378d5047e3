import { expect, test } from "bun:test";
import { ALONE } from "../peers/alone.ts";

const OUTPUT = new URL("../../src/cli/output.ts", import.meta.url).pathname;

/** Runs `program` in a shell whose pipe is closed or whose disk is full. */
async function run(program: string, streams: string): Promise<string> {
  const source = `import { output } from "${OUTPUT}"; ${program}`;
  const script = `"$1" -e "$2" ${streams}; echo "status $?"`;
  const child = Bun.spawn(["sh", "-c", script, "sh", process.execPath, source], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: ALONE,
  });
  return (await child.stdout.text()) + (await child.stderr.text());
}

/** Continues after the write has failed. A listener here would hide that output() has none. */
const LATER = `
  const { emit } = process.stdout;
  process.stdout.emit = function (name, ...values) {
    const isHeard = emit.call(this, name, ...values);
    if (name === "error")
      setImmediate(() => { output("stderr", "went on "); process.exitCode = 7; });
    return isHeard;
  };`;

test("output() to a full disk is reported, and the program continues", async () => {
  const said = await run(`${LATER} output("stdout", "x");`, ">/dev/full");
  expect(said).toContain("status 8\n");
  expect(said).toMatch(/Cannot print the result: ENOSPC.*\nwent on /s);
});

test("output() to a pipe that nobody reads changes nothing", async () => {
  // The reader ends before the program has started.
  const said = await run(`${LATER} output("stdout", "x");`, "| true; exit 0 # ");
  expect(said).toBe("went on ");
});

test.each(["EPIPE", "ECONNRESET"])("output() that ends in %s changes nothing", async (code) => {
  const broken = `output("stdout", ""); process.stdout.emit("error", Object.assign(new Error("${code}"), { code: "${code}" }));`;
  expect(await run(`${LATER} ${broken}`, "")).toBe("status 7\nwent on ");
});
