import { Buffer } from "node:buffer";
import * as v from "valibot";

import { reasonOf, TandemError } from "../lib/error.ts";
import type { Files } from "../system/files.ts";
import type { Reference } from "./reference.ts";

/** How tandem authenticates to a registry, and the file that says so. Messages may name only the file. */
export type Credentials =
  | {
      readonly kind: "password";
      readonly from: string;
      readonly username: string;
      readonly password: string;
    }
  /** A refresh token: the token service exchanges it for an access token. */
  | {
      readonly kind: "identity";
      readonly from: string;
      readonly token: string;
      readonly password?: string;
      readonly username?: string;
    }
  /** An access token, sent without a token service. */
  | { readonly kind: "bearer"; readonly from: string; readonly token: string };

export interface CredentialsOptions {
  readonly files: Files;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userId: number;
  readonly log: (message: string) => void;
}

const text = v.nullish(v.string());
const entrySchema = v.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
type AuthEntry = v.InferOutput<typeof entrySchema>;
const entriesSchema = v.record(v.string(), entrySchema);
const documentSchema = v.looseObject({
  auths: v.nullish(entriesSchema),
  credsStore: text,
  credHelpers: v.nullish(v.record(v.string(), v.string())),
});
type AuthDocument = v.InferOutput<typeof documentSchema>;

/** Errors which only say that this user may not read a default file. They need no warning. */
const OUT_OF_REACH = new Set(["EACCES", "EPERM", "ENOTDIR", "ELOOP"]);

/** Docker Hub goes by several names. */
const HUB_NAMES = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * Reads the files of containers-auth.json(5), then those of Docker. The first file with an entry for the registry counts.
 * $REGISTRY_AUTH_FILE replaces all of them. Undefined: the access is anonymous. Throws "usage" for a file that was named
 * and cannot be used.
 */
export function findCredentials(
  reference: Reference,
  options: CredentialsOptions,
): Credentials | undefined {
  for (const candidate of authFiles(options)) {
    const { path } = candidate;
    const file = readAuthFile(candidate, options);
    const found =
      file === undefined ? undefined : lookUp(file, reference, { path, log: options.log });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every password and token in the files that findCredentials() reads: no text may show them. Throws "usage" likewise. */
export function allSecrets(options: CredentialsOptions): string[] {
  return authFiles(options)
    .flatMap((place) => Object.values(readAuthFile(place, options)?.auths ?? {}))
    .flatMap((entry) => {
      const pair = readPair(entry);
      const password = pair === undefined || pair === "malformed" ? undefined : pair.password;
      return [entry.auth, entry.password, password, entry.identitytoken, entry.registrytoken];
    })
    .filter(isGiven);
}

/** A file that may hold credentials. */
interface AuthFile {
  readonly path: string;
  /** The variable that names this file: if the file exists, it must be usable. */
  readonly variable?: string;
  /** The variable names the file and not its folder: the file must exist. */
  readonly mustExist?: boolean;
}

function authFiles({ environment, userId }: CredentialsOptions): AuthFile[] {
  const explicit = given(environment["REGISTRY_AUTH_FILE"]);
  if (explicit !== undefined)
    return [{ path: explicit, variable: "REGISTRY_AUTH_FILE", mustExist: true }];
  // A system service runs as root without $HOME.
  const home = given(environment["HOME"]) ?? (userId === 0 ? "/root" : undefined);
  const runtime = given(environment["XDG_RUNTIME_DIR"]);
  const configuration = given(environment["XDG_CONFIG_HOME"]) ?? under(home, ".config")[0]?.path;
  const docker = given(environment["DOCKER_CONFIG"]);
  return [
    ...under(runtime, "containers/auth.json"),
    ...(runtime === undefined ? under(`/run/containers/${userId}`, "auth.json") : []),
    ...under(configuration, "containers/auth.json"),
    ...(docker === undefined
      ? under(home, ".docker/config.json")
      : [{ path: `${docker}/config.json`, variable: "DOCKER_CONFIG" }]),
    ...under(home, ".dockercfg"),
  ];
}

function under(folder: string | undefined, path: string): AuthFile[] {
  return folder === undefined ? [] : [{ path: `${folder}/${path}` }];
}

function readAuthFile(place: AuthFile, options: CredentialsOptions): AuthDocument | undefined {
  const content = readContent(place, options);
  if (content === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(content);
    return place.path.endsWith("/.dockercfg")
      ? { auths: v.parse(entriesSchema, value) }
      : v.parse(documentSchema, value);
  } catch {
    // The reason is not shown: it can quote the file.
    const why = "it is not an auth file";
    if (place.variable !== undefined) throw unusable(place, why);
    options.log(`Cannot read credentials from "${place.path}": ${why}, continuing`);
    return undefined;
  }
}

/** Undefined for a file that does not exist, and for a default file that cannot be read. */
function readContent(place: AuthFile, { files, log }: CredentialsOptions): string | undefined {
  try {
    const content = files.readText(place.path);
    if (content === undefined && place.mustExist === true) throw new Error("there is no such file");
    return content;
  } catch (error) {
    if (place.variable !== undefined) throw unusable(place, reasonOf(error), error);
    const end = isOutOfReach(error) ? "" : ", continuing";
    log(`Cannot read credentials from "${place.path}": ${reasonOf(error)}${end}`);
    return undefined;
  }
}

/** Tools that run as root make /run/containers with mode 0700: other users cannot see whether it holds a file. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof Error && "code" in error && OUT_OF_REACH.has(String(error.code));
}

function unusable({ path, variable }: AuthFile, why: string, cause?: unknown): TandemError {
  return new TandemError(
    "usage",
    `Cannot read credentials from "${path}" ($${variable}): ${why}`,
    cause === undefined ? {} : { cause },
  );
}

interface LookUpContext {
  readonly path: string;
  readonly log: (message: string) => void;
}

function lookUp(
  file: AuthDocument,
  reference: Reference,
  place: LookUpContext,
): Credentials | undefined {
  const names = HUB_NAMES.includes(reference.host) ? HUB_NAMES : [reference.host];
  const helper = names.map((name) => file.credHelpers?.[name]).find(isGiven);
  const entry = findEntry(file.auths ?? {}, names, reference.repository);
  const found = entry === undefined ? undefined : readEntry(entry, reference, place);
  if (found !== undefined) return found;
  const needed = helper ?? (entry === undefined ? undefined : given(file.credsStore));
  if (needed !== undefined)
    place.log(
      `Cannot use the credentials for ${reference.host} in "${place.path}": they are kept by the helper "${needed}", which tandem does not run, continuing`,
    );
  return undefined;
}

/** The most specific key wins: "host/ns/app", "host/ns", "host", and last "https://host/v1/", Docker's form. */
function findEntry(
  auths: Readonly<Record<string, AuthEntry>>,
  names: readonly string[],
  repository: string,
): AuthEntry | undefined {
  const parts = repository.split("/");
  for (let count = parts.length; count >= 0; count -= 1)
    for (const name of names) {
      const key = [name, ...parts.slice(0, count)].join("/");
      if (Object.hasOwn(auths, key)) return auths[key];
    }
  const key = Object.keys(auths).find((name) => names.includes(hostOfKey(name)));
  return key === undefined ? undefined : auths[key];
}

/** Returns the host of a key for a whole registry: a URL, or a host with the path of an API. Any other path stays. */
function hostOfKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  if (bare !== key) return bare.replace(/\/.*$/, "");
  return bare.replace(/\/(?:v[12]\/?)?$/, "");
}

function readEntry(
  entry: AuthEntry,
  { host }: Reference,
  { path, log }: LookUpContext,
): Credentials | undefined {
  const registryToken = given(entry.registrytoken);
  if (registryToken !== undefined) return { kind: "bearer", from: path, token: registryToken };
  const pair = readPair(entry);
  if (pair === "malformed")
    log(
      `Cannot use the credentials for ${host} in "${path}": "auth" is not a name, ":" and a password in base64, continuing`,
    );
  const password = pair === "malformed" ? undefined : pair;
  const identity = given(entry.identitytoken);
  if (identity !== undefined) return { kind: "identity", from: path, token: identity, ...password };
  return password === undefined ? undefined : { kind: "password", from: path, ...password };
}

function readPair(
  entry: AuthEntry,
): { username: string; password: string } | "malformed" | undefined {
  const auth = given(entry.auth);
  if (auth === undefined) {
    const username = given(entry.username);
    return username === undefined ? undefined : { username, password: entry.password ?? "" };
  }
  const decoded = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = decoded.indexOf(":");
  if (colon <= 0) return "malformed";
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function given(value: string | null | undefined): string | undefined {
  return isGiven(value) ? value : undefined;
}

function isGiven(value: string | null | undefined): value is string {
  return value !== undefined && value !== null && value !== "";
}
