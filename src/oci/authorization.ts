import { parseChallenges, preferredChallenge, type Challenge } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { basicAuthorization, type TokenService } from "./token.ts";

export interface AuthorizationOptions {
  readonly credentials: Credentials | undefined;
  readonly tokens: TokenService;
  /** "repository:ns/app:pull" */
  readonly scope: string;
}

/** A request may renew its token once. A 401 after that is a refusal. */
const TOKENS_PER_REQUEST_MAX = 2;

/** Authorizes requests to one registry. The challenge of one 401 is kept for all later requests. */
export class Authorization {
  #challenge: Challenge | undefined;
  #scopes: readonly string[];
  readonly #options: AuthorizationOptions;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
    this.#scopes = [options.scope];
  }

  /** Returns the Authorization header of the next request. Undefined until the registry asks for one. */
  async header(): Promise<string | undefined> {
    const { credentials, tokens } = this.#options;
    if (this.#challenge === undefined) return undefined;
    if (this.#challenge.scheme === "basic") return basicAuthorization(credentials);
    if (credentials?.kind === "bearer") return `Bearer ${credentials.token}`;
    const { parameters } = this.#challenge;
    const token = await tokens.token({
      realm: parameters.get("realm") ?? "",
      service: parameters.get("service"),
      scopes: this.#scopes,
    });
    return `Bearer ${token}`;
  }

  /**
   * Takes the challenge of a 401. Returns true when another attempt with a new header() can succeed. `sent` lists the
   * headers of the earlier attempts of this request, in order.
   */
  async learn(wwwAuthenticate: string, sent: readonly (string | undefined)[]): Promise<boolean> {
    const challenge = preferredChallenge(parseChallenges(wwwAuthenticate));
    if (challenge === undefined) return false;
    this.#challenge = challenge;
    const last = sent.at(-1);
    if (challenge.scheme === "basic") {
      const basic = basicAuthorization(this.#options.credentials);
      return basic !== undefined && last !== basic;
    }
    const tokens = sent.filter((header) => header?.startsWith("Bearer ") === true);
    if (this.#options.credentials?.kind === "bearer") return tokens.length === 0;
    if (tokens.length >= TOKENS_PER_REQUEST_MAX) return false;
    const isWider = this.#widen(challenge);
    if (last?.startsWith("Bearer ") !== true) return true;
    if (challenge.parameters.get("error") === "insufficient_scope") return isWider;
    await this.#options.tokens.drop(last.slice("Bearer ".length));
    return true;
  }

  /** Puts the scopes of the challenge first. Returns true when one of them is new. */
  #widen({ parameters }: Challenge): boolean {
    const wanted = (parameters.get("scope") ?? "").split(" ").filter((scope) => scope !== "");
    const isNew = wanted.some((scope) => !this.#scopes.includes(scope));
    if (isNew) this.#scopes = [...new Set([...wanted, ...this.#scopes])];
    return isNew;
  }
}
