import { Buffer } from "node:buffer";
import * as v from "valibot";

import type { Files } from "../system/files.ts";
import type { Reference } from "./reference.ts";

/** Who we are to a registry, and the file that says so. Only the file may appear in messages. */
export type Credentials =
  | {
      readonly kind: "password";
      readonly from: string;
      readonly username: string;
      readonly password: string;
    }
  /** A refresh token, to be changed for a token at the token service. */
  | {
      readonly kind: "identity";
      readonly from: string;
      readonly token: string;
      readonly password?: string;
      readonly username?: string;
    }
  /** Sent as it is. */
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
type Entry = v.InferOutput<typeof entrySchema>;
const entriesSchema = v.record(v.string(), entrySchema);
const fileSchema = v.looseObject({
  auths: v.nullish(entriesSchema),
  credsStore: text,
  credHelpers: v.nullish(v.record(v.string(), v.string())),
});
type AuthFile = v.InferOutput<typeof fileSchema>;

/** Docker Hub goes by several names. */
const HUB_NAMES = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * Looks where containers-auth.json(5) says, then where Docker does; the first file that knows the registry counts.
 * $REGISTRY_AUTH_FILE excludes all others. Undefined: be anonymous.
 */
export function findCredentials(
  reference: Reference,
  options: CredentialsOptions,
): Credentials | undefined {
  for (const path of authFiles(options)) {
    const file = readAuthFile(path, options);
    const found =
      file === undefined ? undefined : lookUp(file, reference, { path, log: options.log });
    if (found !== undefined) return found;
  }
  return undefined;
}

function authFiles({ files, environment, userId, log }: CredentialsOptions): string[] {
  const explicit = environment["REGISTRY_AUTH_FILE"];
  if (isGiven(explicit)) {
    if (files.exists(explicit)) return [explicit];
    log(
      `Cannot read credentials from "${explicit}" ($REGISTRY_AUTH_FILE): no such file, continuing`,
    );
    return [];
  }
  // Services of the system run as root without $HOME.
  const home = given(environment["HOME"]) ?? (userId === 0 ? "/root" : undefined);
  const runtime = given(environment["XDG_RUNTIME_DIR"]);
  return [
    runtime === undefined
      ? `/run/containers/${userId}/auth.json`
      : `${runtime}/containers/auth.json`,
    ...under(
      given(environment["XDG_CONFIG_HOME"]) ?? under(home, ".config")[0],
      "containers/auth.json",
    ),
    ...under(given(environment["DOCKER_CONFIG"]) ?? under(home, ".docker")[0], "config.json"),
    ...under(home, ".dockercfg"),
  ];
}

function under(folder: string | undefined, path: string): string[] {
  return folder === undefined ? [] : [`${folder}/${path}`];
}

function readAuthFile(path: string, { files, log }: CredentialsOptions): AuthFile | undefined {
  try {
    const content = files.readText(path);
    if (content === undefined) return undefined;
    const value: unknown = JSON.parse(content);
    return path.endsWith("/.dockercfg")
      ? { auths: v.parse(entriesSchema, value) }
      : v.parse(fileSchema, value);
  } catch {
    // Not the reason: it can quote the file.
    log(`Cannot read credentials from "${path}": it is not what an auth file is, continuing`);
    return undefined;
  }
}

interface Place {
  readonly path: string;
  readonly log: (message: string) => void;
}

function lookUp(file: AuthFile, reference: Reference, place: Place): Credentials | undefined {
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

/** The most specific key wins: "host/ns/app", "host/ns", "host", and last "https://host/v1/" as Docker writes it. */
function findEntry(
  auths: Readonly<Record<string, Entry>>,
  names: readonly string[],
  repository: string,
): Entry | undefined {
  const parts = repository.split("/");
  for (let count = parts.length; count >= 0; count -= 1)
    for (const name of names) {
      const key = [name, ...parts.slice(0, count)].join("/");
      if (Object.hasOwn(auths, key)) return auths[key];
    }
  const key = Object.keys(auths).find((name) => names.includes(hostOfKey(name)));
  return key === undefined ? undefined : auths[key];
}

/** A key with a path of its own is for that path alone, unless it is the path of an API or the key is a URL. */
function hostOfKey(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  if (bare !== key) return bare.replace(/\/.*$/, "");
  return bare.replace(/\/(?:v[12]\/?)?$/, "");
}

function readEntry(
  entry: Entry,
  { host }: Reference,
  { path, log }: Place,
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

function readPair(entry: Entry): { username: string; password: string } | "malformed" | undefined {
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
