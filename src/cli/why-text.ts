import type { Event } from "../control/state.ts";
import type { Why } from "../verdict/why.ts";

/** The events, their output, the state of the machine and advice, on one screen. */
export function whyText(why: Why): string {
  if (why.about === "nothing")
    return ["Nothing was given up or left unfinished, as far as is remembered.", ...why.now].join(
      "\n",
    );
  const { story, fall, failing, now, advice } = why;
  return [
    ...story.map(({ at, text }) => `${at ?? "at some time"}  ${text}`),
    ...quoted("what its checks printed last", fall?.output),
    ...quoted("the last words of its kernel", fall?.kernel),
    ...(story.length === 0 ? [] : [""]),
    ...now,
    ...failingLines(failing),
    ...advice,
  ].join("\n");
}

function failingLines(failing: Event | undefined): string[] {
  if (failing === undefined) return [];
  const { at, text, output } = failing;
  return [`Its checks failed at ${at}: ${text}`, ...quoted("what they printed", output)];
}

function quoted(title: string, text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return [`${title}:`, ...text.split("\n").map((line) => `  | ${line}`)];
}
