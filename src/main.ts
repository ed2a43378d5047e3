import { buildInfo, formatVersion } from "./lib/build-info.ts";

// Asking for the version must cost nothing: it is answered before the rest of the program is even loaded.
const [first, ...others] = process.argv.slice(2);
if (others.length === 0 && (first === "--version" || first === "-V")) {
  // process.stdout takes 10 ms to set up, more than all the rest.
  await Bun.write(Bun.stdout, `tandem ${formatVersion(buildInfo())}\n`).catch(() => {
    // The reader has gone, which is no matter of ours: `tandem --version | true`.
  });
} else {
  // Added by the binary's first instructions (scripts/static/stub.c) for this program, not for what it runs.
  delete process.env["BUN_JSC_useFTLJIT"];
  const { runCommandLine } = await import("./cli/run.ts");
  process.exitCode = await runCommandLine(process.argv.slice(2));
}
