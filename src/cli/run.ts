import { defined } from "../lib/assert.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { machineFailure } from "../system/failure.ts";
import { takeRefusedHints } from "../system/hint.ts";
import { linux } from "../system/linux.ts";
import { loadConfig } from "./config.ts";
import { EXIT } from "./exit.ts";
import { type Globals, splitGlobals } from "./globals.ts";
import { output } from "./output.ts";
import { overview } from "./overview.ts";
import { openTalk } from "./talk.ts";
import type { Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

/** Runs one command line and returns the exit status. The one place where an error becomes a message. */
export async function run(args: readonly string[]): Promise<number> {
  let wishes: ReportOptions = { debug: args.includes("--debug"), json: args.includes("--json") };
  try {
    const { globals, rest } = splitGlobals(args);
    wishes = globals;
    return await dispatch(globals, rest);
  } catch (thrown) {
    const error = machineFailure(thrown) ?? thrown;
    report(error, wishes);
    return error instanceof TandemError ? EXIT[error.code] : EXIT.unexpected;
  }
}

async function dispatch(globals: Globals, [word, ...args]: readonly string[]): Promise<number> {
  if (word === undefined) {
    output("stderr", overview(verbs));
    return EXIT.usage;
  }
  if (["--help", "-h", "help"].includes(word)) {
    output("stdout", overview(verbs));
    return 0;
  }
  const verb = findVerb(["--version", "-V"].includes(word) ? "version" : word);
  if (args.includes("--help") || args.includes("-h")) {
    output("stdout", `${await verb.usage()}\n`);
    return 0;
  }
  await runVerb(verb, globals, args);
  return 0;
}

function findVerb(word: string): Verb {
  const verb = verbs.find(({ name }) => name === word);
  if (verb !== undefined) return verb;
  const known = verbs.map(({ name }) => name).join(", ");
  throw new TandemError("usage", `Cannot run "${word}": there is no such verb`, {
    hint: `The verbs are ${known}. See tandem --help.`,
  });
}

async function runVerb(verb: Verb, globals: Globals, args: readonly string[]): Promise<void> {
  const talk = openTalk(globals);
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    talk.info(`Stopping on ${signal}`);
    talk.progress({ step: "Waiting for what is under way to end" });
    stop.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const { config, origins } = loadConfig(linux, globals);
    await verb.run({ system: linux, globals, config, origins, talk, signal: stop.signal }, args);
  } catch (error) {
    throw stop.signal.aborted ? interruption(error) : error;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    for (const text of takeRefusedHints()) talk.debug(text);
    talk.end();
  }
}

/** Whatever was thrown after the operator asked to stop was thrown because of that. */
function interruption(error: unknown): TandemError {
  if (error instanceof TandemError && error.code === "interrupted") return error;
  return new TandemError("interrupted", "Stopped on request before the end", { cause: error });
}

interface ReportOptions {
  readonly debug: boolean;
  readonly json: boolean;
}

function report(error: unknown, { debug, json }: ReportOptions): void {
  const known = error instanceof TandemError;
  const message = reasonOf(error);
  const hint = known
    ? error.hint
    : "This is a bug in tandem. Please report it with the output of --debug.";
  if (json) {
    const code = known ? error.code : "unexpected";
    output("stderr", `${JSON.stringify({ level: "error", code, text: message, hint })}\n`);
    return;
  }
  output("stderr", `tandem: ${message}\n`);
  for (const cause of causesOf(error)) output("stderr", `  because: ${cause}\n`);
  if (hint !== undefined) output("stderr", `  hint: ${hint}\n`);
  if (debug && error instanceof Error) output("stderr", `${defined(error.stack, "stack")}\n`);
}

/** What lies behind an error, without what its message says already. */
function causesOf(error: unknown): string[] {
  const texts: string[] = [];
  let said = reasonOf(error);
  for (let at = error; at instanceof Error && at.cause !== undefined; at = at.cause) {
    const text = reasonOf(at.cause);
    if (!said.includes(text)) texts.push(text);
    said += text;
  }
  return texts;
}
