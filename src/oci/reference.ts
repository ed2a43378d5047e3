import { TandemError } from "../lib/error.ts";
import { isDigest, type Digest } from "./digest.ts";

/** Names one image in one registry. If there is a digest, the tag is only for people. */
export interface Reference {
  /** The host with its port, as written: "docker.io", "localhost:5000", "[::1]:5000". */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const HUB = "docker.io";
const HOST =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const REPOSITORY =
  /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const NAME_CHARS_MAX = 255;

/** Parses "host/name:tag@digest". The defaults are docker.io, library/ and latest. Throws "source" and names the rule. */
export function parseReference(text: string): Reference {
  if (/^[0-9a-f]{64}$/.test(text)) throw refused(text, "64 hex digits are no name of a repository");
  const { name, tag, digest } = split(text);
  const { host, repository } = splitHost(name);
  const why = nameFault(host, repository);
  if (why !== undefined) throw refused(text, why);
  if (tag !== undefined && !TAG.test(tag))
    throw refused(text, `want a tag of 1 to 128 letters, digits, "_", "." and "-" after ":"`);
  if (digest === undefined) return { host, repository, tag: tag ?? "latest" };
  if (!isDigest(digest))
    throw refused(text, `want sha256 and 64, or sha512 and 128 lower-case hex digits after "@"`);
  return { host, repository, digest, ...(tag === undefined ? {} : { tag }) };
}

/** Prints the whole reference, in the form of parseReference(). */
export function printReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function split(text: string): { name: string; tag?: string; digest?: string } {
  const at = text.indexOf("@");
  const rest = at === -1 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(":");
  const tagged = colon > rest.lastIndexOf("/");
  return {
    name: tagged ? rest.slice(0, colon) : rest,
    ...(tagged ? { tag: rest.slice(colon + 1) } : {}),
    ...(at === -1 ? {} : { digest: text.slice(at + 1) }),
  };
}

function splitHost(name: string): { host: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash === -1 ? "" : name.slice(0, slash);
  const isHost = first === "localhost" || /[.:A-Z]/.test(first);
  const host = !isHost || first === "index.docker.io" ? HUB : first;
  const path = isHost ? name.slice(slash + 1) : name;
  return { host, repository: host === HUB && !path.includes("/") ? `library/${path}` : path };
}

function nameFault(host: string, repository: string): string | undefined {
  if (!HOST.test(host)) return `"${host}" is no host name with an optional port`;
  if (!URL.canParse(`https://${host}/`)) return `"${host}" has an address or a port that is none`;
  if (!REPOSITORY.test(repository))
    return `want a repository of lower-case letters and digits, separated by "/", ".", "_", "__" or "-"`;
  if (host.length + 1 + repository.length > NAME_CHARS_MAX)
    return `its name has more than ${NAME_CHARS_MAX} characters`;
  return undefined;
}

function refused(text: string, why: string): TandemError {
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return new TandemError("source", `Cannot read reference "${shown}": ${why}`);
}
