import { Buffer } from "node:buffer";
import * as v from "valibot";

import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import type { Credentials } from "./credentials.ts";
import { urlFault, type Endpoint } from "./endpoint.ts";
import {
  type JsonAnswer,
  type JsonOptions,
  type JsonRequest,
  requestJson,
} from "./json-request.ts";
import type { Transport } from "./transport.ts";

const TOKEN_BODY_BYTES_MAX = 64 * KiB;
/** Longer than ten slow redirects and a body at the lowest rate can take, which the transport limits. */
const TIMEOUT_MS = 600_000;
/** How a token service says that it does not know the method. */
const UNKNOWN_METHOD: ReadonlySet<number> = new Set([404, 405]);
/** The lifetime of a token without one, and the shortest lifetime that counts (distribution, token.md). */
const LIFETIME_MIN_S = 60;
/** A token is not used in its last seconds. */
const SKEW_S = 10;

const tokenSchema = v.looseObject({
  token: v.nullish(v.string()),
  access_token: v.nullish(v.string()),
  expires_in: v.nullish(v.number()),
});

/** The parameters of a Bearer challenge. */
export interface TokenRequest {
  readonly realm: string;
  readonly service: string | undefined;
  /** The most important scope is first: some services read only that one. */
  readonly scopes: readonly string[];
}

export interface TokenServiceOptions {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly credentials: Credentials | undefined;
  /** "get a token for r.io/ns/app" */
  readonly task: string;
  readonly identity: string;
  /** A monotonic clock, in ms. */
  readonly nowMs?: () => number;
}

interface HeldToken {
  readonly token: Promise<string>;
  expiresMs: number;
}

/** Gets Bearer tokens and keeps them while they are valid. Concurrent requests for the same token cause one request. */
export class TokenService {
  readonly #held = new Map<string, HeldToken>();
  readonly #options: TokenServiceOptions;
  readonly #nowMs: () => number;

  constructor(options: TokenServiceOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Throws Transient, "unauthorized", or "network" for a service that must not be used. */
  async token(request: TokenRequest): Promise<string> {
    const key = JSON.stringify([request.realm, request.service, request.scopes.toSorted()]);
    const known = this.#held.get(key);
    if (known !== undefined && this.#nowMs() < known.expiresMs) return known.token;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const held: HeldToken = { token: promise, expiresMs: Number.POSITIVE_INFINITY };
    this.#held.set(key, held);
    try {
      const { token, lifetimeS } = await this.#ask(request);
      held.expiresMs = this.#nowMs() + (lifetimeS - SKEW_S) * 1000;
      resolve(token);
    } catch (error) {
      this.#held.delete(key);
      reject(error);
    }
    return promise;
  }

  /** Forgets `token`: the registry has refused it. */
  async drop(token: string): Promise<void> {
    for (const [key, held] of this.#held)
      if ((await held.token.catch(() => "")) === token && this.#held.get(key) === held)
        this.#held.delete(key);
  }

  async #ask(request: TokenRequest): Promise<{ token: string; lifetimeS: number }> {
    const { endpoint, transport, task } = this.#options;
    const realm = URL.canParse(request.realm, endpoint.origin)
      ? new URL(request.realm, endpoint.origin)
      : undefined;
    const why = realm === undefined ? "it is no URL" : urlFault(realm, endpoint);
    if (realm === undefined || why !== undefined)
      throw new TandemError(
        "network",
        `Cannot ${task}: ${endpoint.host} names ${realm === undefined ? "a token service" : `the token service ${transport.quoteHost(realm.origin)}`} that must not be used: ${why}`,
      );
    const { value, host } = await this.#send(realm, request);
    return readToken(value, `Cannot ${task}: ${host} gave`);
  }

  /** Docker's order: GET, but POST for a refresh token; then the other method, where the service does not know the first one. */
  async #send(realm: URL, request: TokenRequest): Promise<JsonAnswer> {
    const { credentials } = this.#options;
    const get = this.#get(realm, request);
    if (credentials?.kind === "identity") {
      const grant = { grant_type: "refresh_token", refresh_token: credentials.token };
      const post = this.#post(realm, request, grant);
      return credentials.username === undefined ? this.#json(post) : this.#firstOf(post, get);
    }
    if (credentials?.kind !== "password") return this.#json(get);
    const { username, password } = credentials;
    const grant = { grant_type: "password", username, password };
    return this.#firstOf(get, this.#post(realm, request, grant));
  }

  async #firstOf(first: JsonRequest, second: JsonRequest): Promise<JsonAnswer> {
    const answer = await this.#json(first, { unknownStatuses: UNKNOWN_METHOD });
    return answer.value === undefined ? this.#json(second) : answer;
  }

  #json(
    request: JsonRequest,
    more: Pick<JsonOptions, "unknownStatuses"> = {},
  ): Promise<JsonAnswer> {
    const { transport, task, identity } = this.#options;
    return requestJson(request, {
      transport,
      task,
      identity,
      // Attempts repeats the request that needs the token, and waits as long as the server asks.
      retry: 0,
      timeoutMs: TIMEOUT_MS,
      bytesMax: TOKEN_BODY_BYTES_MAX,
      what: "a token",
      ...more,
    });
  }

  #get(realm: URL, request: TokenRequest): JsonRequest {
    const url = new URL(realm);
    if (request.service !== undefined) url.searchParams.set("service", request.service);
    for (const scope of request.scopes) url.searchParams.append("scope", scope);
    const basic = basicAuthorization(this.#options.credentials);
    return { url, headers: basic === undefined ? {} : { authorization: basic } };
  }

  #post(
    url: URL,
    { service, scopes }: TokenRequest,
    grant: Readonly<Record<string, string>>,
  ): JsonRequest {
    const form = new URLSearchParams({
      ...grant,
      service: service ?? "",
      client_id: "tandem",
      scope: scopes.join(" "),
    });
    return { url, headers: {}, form };
  }
}

/** The Authorization header for a name and a password. Undefined without them. */
export function basicAuthorization(credentials: Credentials | undefined): string | undefined {
  if (credentials === undefined || credentials.kind === "bearer") return undefined;
  if (credentials.username === undefined) return undefined;
  const pair = `${credentials.username}:${credentials.password ?? ""}`;
  return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
}

/** No message may quote the answer. */
function readToken(value: unknown, gave: string): { token: string; lifetimeS: number } {
  const parsed = v.safeParse(tokenSchema, value);
  if (!parsed.success) throw new TandemError("network", `${gave} what is no token`);
  const { token, access_token: accessToken, expires_in: expiresS } = parsed.output;
  const found = [token, accessToken].find(
    (text) => text !== undefined && text !== null && text !== "",
  );
  if (found === undefined || found === null) throw new TandemError("network", `${gave} no token`);
  if (!/^[\x21-\x7e]+$/.test(found))
    throw new TandemError("network", `${gave} a token that does not fit into a header`);
  // issued_at is ignored: the lifetime counts from now, by a clock without a date.
  return { token: found, lifetimeS: Math.max(expiresS ?? 0, LIFETIME_MIN_S) };
}
