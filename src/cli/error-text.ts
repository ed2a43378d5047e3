import { reasonOf, TandemError } from "../lib/error.ts";

/** How an error is printed. */
export interface ErrorForm {
  readonly debug: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

const REPORT = "run tandem report and attach the file that it writes.";
const FOR_HELP = `To get help with this, ${REPORT}`;
const BUG = `This is a bug in tandem. To report it, ${REPORT}`;

/** What stderr gets for an error: a message with its causes and a hint, or a JSON line. --debug adds the stack. */
export function errorText(error: unknown, form: ErrorForm): string {
  const lines = form.json ? jsonLines(error, form) : plainLines(error, form);
  return lines.map((line) => `${line}\n`).join("");
}

function plainLines(error: unknown, { debug }: ErrorForm): string[] {
  const hint = hintOf(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return [
    `tandem: ${reasonOf(error)}`,
    ...causesOf(error).map((cause) => `  because: ${cause}`),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...(debug && stack !== undefined ? [stack] : []),
    ...(debug ? [FOR_HELP] : []),
  ];
}

function jsonLines(error: unknown, { debug, quiet }: ErrorForm): string[] {
  const code = error instanceof TandemError ? error.code : "unexpected";
  return [
    JSON.stringify({ level: "error", code, text: reasonOf(error), hint: hintOf(error) }),
    ...(debug && !quiet ? [JSON.stringify({ level: "debug", text: FOR_HELP })] : []),
  ];
}

function hintOf(error: unknown): string | undefined {
  return error instanceof TandemError ? error.hint : BUG;
}

/** The messages of the causes, without those that the error repeats. */
function causesOf(error: unknown): string[] {
  const texts: string[] = [];
  let printed = reasonOf(error);
  for (let next = error; next instanceof Error && next.cause !== undefined; next = next.cause) {
    const text = reasonOf(next.cause);
    if (!printed.includes(text)) texts.push(text);
    printed += text;
  }
  return texts;
}
