import { reasonOf, TandemError } from "../lib/error.ts";
import type { System } from "../system/system.ts";
import type { Part } from "./bundle.ts";
import { single } from "./single.ts";

/** The units that tandem hooks installs have names of this form. */
const OWN_UNITS = "tandem-*";
const LINES_MAX = 2000;
/** A journal on a slow medium takes seconds; a journal that cannot be read may take for ever. */
const DEADLINE_SECONDS = 20;
const COMMAND = ["journalctl", "--no-pager", "--output=short-iso", `--lines=${LINES_MAX}`] as const;

export function journalPart(system: Pick<System, "run">): Part {
  return single("journal", "journal.txt", () => readJournal(system, OWN_UNITS));
}

/** The last lines of units. `units` may be a pattern. Throws `disk` where there is no journal. */
export async function readJournal(system: Pick<System, "run">, units: string): Promise<string> {
  const { status, stdout, stderr } = await runJournalctl(system, [...COMMAND, `--unit=${units}`]);
  if (status === undefined) throw refused(`it did not end within ${DEADLINE_SECONDS} s`);
  if (status !== 0)
    throw refused(`it ended with status ${status}: ${stderr.trim().split("\n").join(", ")}`);
  return `${stdout}${stderr}`;
}

async function runJournalctl(
  { run }: Pick<System, "run">,
  command: readonly string[],
): ReturnType<System["run"]> {
  try {
    return await run(command, { deadlineSeconds: DEADLINE_SECONDS });
  } catch (cause) {
    throw refused(reasonOf(cause), cause);
  }
}

function refused(why: string, cause?: unknown): TandemError {
  return new TandemError("disk", `Cannot read the journal with journalctl: ${why}`, { cause });
}
