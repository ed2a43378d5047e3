import { buildInfo, formatVersion } from "./lib/build-info.ts";

const AGENT = "kairos-agent";
const args = process.argv.slice(2);
const isAgent = process.argv0.split("/").at(-1) === AGENT;

// Asking for the version must cost nothing: it is answered before the rest of the program is even loaded.
if (!isAgent && args.length === 1 && (args[0] === "--version" || args[0] === "-V")) {
  // process.stdout takes 10 ms to set up, more than all the rest.
  await Bun.write(Bun.stdout, `tandem ${formatVersion(buildInfo())}\n`).catch(() => {
    // The reader has gone, which is no matter of ours: `tandem --version | true`.
  });
} else {
  // Added by the binary's first instructions (scripts/static/stub.c) for this program, not for what it runs.
  delete process.env["BUN_JSC_useFTLJIT"];
  if (isAgent || args[0] === AGENT) {
    const { runKairosAgent } = await import("./cli/kairos-agent/kairos-agent.ts");
    process.exitCode = await runKairosAgent(isAgent ? args : args.slice(1));
  } else {
    const { runCommandLine } = await import("./cli/run.ts");
    process.exitCode = await runCommandLine(args);
  }
}
