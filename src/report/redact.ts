/** Removes secrets from a text: known ones, and those that the words around them give away. */
import type { Secrets } from "../oci/secrets.ts";

export const REMOVED = "(removed)";
const LINE_REMOVED = "(this line is removed: it holds a secret)";

/** Names of what must stay secret, as they stand in configuration files, command lines, URLs and logs. */
const SECRET_NAME =
  "[\\w.-]{0,40}(?:pass(?:word|wd|phrase)|secret|token|credentials?|(?:api|access|private|encryption|auth|shared|signing)[-_.]?key)[\\w.-]{0,40}";
const SHORT_NAME = "auth|authorization|key|pass|psk|pwd|sig|signature|sas";
const VALUE = String.raw`"(?:\\.|[^"\\])*"|'[^']*'|[^\s&,;"'}\]]+`;

/** The order matters: an earlier pattern may contain a later one. Repetitions are limited, so that no text makes them slow. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [
    /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
    REMOVED,
  ],
  // The end of a key whose start was cut off with the start of a log.
  [/^[\w+/=\s]{0,8192}-----END [A-Z0-9 ]*PRIVATE KEY-----/g, REMOVED],
  // RFC 3986, 3.2.1: the userinfo of a URL ends at the last "@" before the path.
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]*@/gi, `$1${REMOVED}@`],
  // The same without a scheme, as in an image reference. What follows the "@" of a digest is no host.
  [/((?:^|[\s"'=(,])(?:oci:)?)[^\s/@:"'=(,]+:[^\s/@"']+@(?!sha\d+:)/g, `$1${REMOVED}@`],
  [/\b(authorization:?\s+)?(basic|bearer)\s+[\w+/.~-]{8,}=*/gi, `$1$2 ${REMOVED}`],
  // A JSON Web Token.
  [/\beyJ[\w-]{1,2000}\.[\w-]{1,4000}\.[\w-]*/g, REMOVED],
  [new RegExp(`(${SECRET_NAME}["']?\\s*[=:]\\s*)(?:${VALUE})`, "gi"), `$1${REMOVED}`],
  // The argument of a program: "--token SECRET".
  [new RegExp(`((?<![\\w-])--?${SECRET_NAME}\\s+)(?!-)(?:${VALUE})`, "gi"), `$1${REMOVED}`],
  // Short names also occur in sentences, so they count only before "=" or as members of JSON.
  [new RegExp(`((?<![a-z])(?:${SHORT_NAME})(?:=|"\\s*:\\s*))(?:${VALUE})`, "gi"), `$1${REMOVED}`],
];

export class Redactor {
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  text(text: string): string {
    const plain = PATTERNS.reduce((left, [what, by]) => left.replaceAll(what, by), text);
    return plain
      .split("\n")
      .map((line) => (this.#secrets.areIn(line) ? LINE_REMOVED : line))
      .join("\n");
  }

  /** The same value with each of its texts redacted, and without what stands under the name of a secret. */
  json(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.json(one));
    if (!(value instanceof Object)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]: [string, unknown]) => [
        this.text(name),
        isSecretName(name) && typeof inner === "string" ? REMOVED : this.json(inner),
      ]),
    );
  }
}

/** Whether what has this name in a configuration is a secret. */
export function isSecretName(name: string): boolean {
  return new RegExp(`^(?:${SECRET_NAME}|${SHORT_NAME})$`, "i").test(name);
}
