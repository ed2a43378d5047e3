import { reasonOf, TandemError } from "../lib/error.ts";
import type { System } from "../system/system.ts";
import type { Part } from "./bundle.ts";
import { single } from "./single.ts";

/** The units that tandem hooks installs have names of this form. */
const UNITS = "tandem-*";
const LINES_MAX = 2000;
/** A journal on a slow medium takes seconds; a journal that cannot be read may take for ever. */
const DEADLINE_SECONDS = 20;
const COMMAND = [
  "journalctl",
  "--no-pager",
  "--output=short-iso",
  `--lines=${LINES_MAX}`,
  `--unit=${UNITS}`,
] as const;

export function journalPart(system: Pick<System, "run">): Part {
  return single("journal", "journal.txt", () => readJournal(system));
}

/** The last lines of tandem's units. Throws `disk` where there is no journal. */
async function readJournal(system: Pick<System, "run">): Promise<string> {
  const { status, stdout, stderr } = await runJournalctl(system);
  if (status === undefined) throw refused(`it did not end within ${DEADLINE_SECONDS} s`);
  if (status !== 0)
    throw refused(`it ended with status ${status}: ${stderr.trim().split("\n").join(", ")}`);
  return `${stdout}${stderr}`;
}

async function runJournalctl({ run }: Pick<System, "run">): ReturnType<System["run"]> {
  try {
    return await run(COMMAND, { deadlineSeconds: DEADLINE_SECONDS });
  } catch (cause) {
    throw refused(reasonOf(cause), cause);
  }
}

function refused(why: string, cause?: unknown): TandemError {
  return new TandemError("disk", `Cannot read the journal with journalctl: ${why}`, { cause });
}
