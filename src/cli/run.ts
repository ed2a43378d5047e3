import { TandemError } from "../lib/error.ts";
import { machineFailure } from "../system/failure.ts";
import { takeRefusedHints } from "../system/hint.ts";
import { linux } from "../system/linux.ts";
import { defaultConfig, loadConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { type ErrorForm, errorText } from "./error-text.ts";
import { EXIT } from "./exit.ts";
import { type Globals, splitGlobals } from "./globals.ts";
import { output } from "./output.ts";
import { overview } from "./overview.ts";
import { openTalk } from "./talk.ts";
import type { Verb } from "./verb.ts";
import { verbs } from "./verbs.ts";

const HELP = new Set(["--help", "-h", "help"]);

/** Runs one command line and returns the exit status. Only here an error becomes a message. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let form: ErrorForm = {
    debug: args.includes("--debug"),
    json: args.includes("--json"),
    quiet: false,
  };
  try {
    const { globals, rest } = splitGlobals(args);
    form = globals;
    return await dispatch(globals, rest);
  } catch (thrown) {
    const error = machineFailure(thrown) ?? thrown;
    output("stderr", errorText(error, form));
    return error instanceof TandemError ? EXIT[error.code] : EXIT.unexpected;
  }
}

async function dispatch(globals: Globals, [word, ...args]: readonly string[]): Promise<number> {
  if (word === undefined) {
    output("stderr", overview(verbs));
    return EXIT.usage;
  }
  const [topic] = args;
  if (word === "help" && topic !== undefined && !HELP.has(topic)) {
    output("stdout", `${await findVerb(topic).usage()}\n`);
    return 0;
  }
  if (HELP.has(word)) {
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
    talk.progress({ step: "Waiting for the current step to end" });
    stop.abort();
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const configured = configFor(verb, globals);
    await verb.run({ system: linux, globals, ...configured, talk, signal: stop.signal }, args);
  } catch (error) {
    throw stop.signal.aborted ? interruption(error) : error;
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    for (const text of takeRefusedHints()) talk.debug(text);
    talk.end();
  }
}

function configFor(
  verb: Verb,
  globals: Globals,
): Pick<Context, "config" | "origins" | "configFault"> {
  try {
    return loadConfig(linux, globals);
  } catch (error) {
    if (!verb.worksWithBadConfig || !(error instanceof Error)) throw error;
    return { config: defaultConfig(globals), origins: new Map(), configFault: error };
  }
}

/** After a request to stop, any error counts as its consequence. */
function interruption(error: unknown): TandemError {
  if (error instanceof TandemError && error.code === "interrupted") return error;
  return new TandemError("interrupted", "Stopped on request before the end", { cause: error });
}
