import { reasonOf, TandemError } from "../../lib/error.ts";
import { linux } from "../../system/linux.ts";
import { linuxPrograms } from "../../system/programs.ts";
import { EXIT } from "../exit.ts";
import { output } from "../output.ts";
import type { AgentWork } from "./agent-answer.ts";
import { answerTo } from "./answer.ts";

const machine = { system: linux, programs: linuxPrograms };

/** Runs one command line of kairos-agent. Returns the exit status, unless the original takes the place of this process. */
export async function runKairosAgent(args: readonly string[]): Promise<number> {
  let what = "kairos-agent";
  try {
    const answer = answerTo(machine, args);
    switch (answer.kind) {
      case "run":
        what = answer.call.path;
        return linuxPrograms.replaceSelf(answer.call);
      case "work":
        return await perform(answer.work);
      case "print":
        if (answer.stdout !== "") output("stdout", answer.stdout);
        if (answer.stderr !== "") output("stderr", answer.stderr);
        return answer.status;
    }
  } catch (error) {
    // The original prints its errors on stdout.
    const reason = error instanceof TandemError ? "" : `Cannot run ${what}: `;
    output("stdout", `${reason}${reasonOf(error)}\n`);
    return EXIT.unexpected;
  }
}

async function perform(work: AgentWork): Promise<number> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    return await work({
      print: (text) => output("stdout", text),
      export(name, value) {
        process.env[name] = value;
      },
      signal: stop.signal,
    });
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}
