/** An authentication scheme that a server accepts, with its parameters (RFC 7235). */
export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SEPARATORS = /[ \t,]*/y;
const PARAMETER = new RegExp(
  String.raw`(${TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))(?=[ \t]*(?:,|$))`,
  "y",
);
const SCHEME = new RegExp(String.raw`(${TOKEN})(?=[ \t,]|$)`, "y");
const TOKEN68 = /[ \t]+[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;

/**
 * Reads WWW-Authenticate. One value may hold several challenges, because fetch() joins several fields. A malformed
 * challenge is dropped with everything after it.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = skip(SEPARATORS, header, 0);
  while (at < header.length) {
    const parameter = matchAt(PARAMETER, header, at);
    const scheme = parameter === undefined ? matchAt(SCHEME, header, at) : undefined;
    if (parameter !== undefined && challenges.length > 0) {
      const [, name = "", quoted, bare = ""] = parameter;
      const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare;
      challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
      at += parameter[0].length;
    } else if (scheme !== undefined) {
      challenges.push({ scheme: scheme[0].toLowerCase(), parameters: new Map() });
      at = skip(TOKEN68, header, at + scheme[0].length);
    } else {
      return challenges.slice(0, -1);
    }
    at = skip(SEPARATORS, header, at);
  }
  return challenges;
}

/** Chooses the challenge to answer: Bearer, else Basic. Other schemes are not supported. */
export function preferredChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm")) ??
    challenges.find(({ scheme }) => scheme === "basic")
  );
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function skip(pattern: RegExp, text: string, at: number): number {
  return at + (matchAt(pattern, text, at)?.[0].length ?? 0);
}
