import { reasonOf } from "../../lib/error.ts";
import { linux } from "../../system/linux.ts";
import { linuxPrograms } from "../../system/programs.ts";
import { EXIT } from "../exit.ts";
import { output } from "../output.ts";
import { answerTo } from "./answer.ts";

/** Runs one command line of kairos-agent. Returns the exit status, unless the original takes the place of this process. */
export function runKairosAgent(args: readonly string[]): number {
  let what = "kairos-agent";
  try {
    const answer = answerTo({ system: linux, programs: linuxPrograms }, args);
    if (answer.kind === "run") {
      what = answer.call.path;
      return linuxPrograms.replaceSelf(answer.call);
    }
    if (answer.stdout !== "") output("stdout", answer.stdout);
    if (answer.stderr !== "") output("stderr", answer.stderr);
    return answer.status;
  } catch (error) {
    // The original prints its errors on stdout.
    output("stdout", `Cannot run ${what}: ${reasonOf(error)}\n`);
    return EXIT.unexpected;
  }
}
