import { TandemError } from "../lib/error.ts";
import type { Authorities } from "../system/authorities.ts";
import { Transient } from "./attempts.ts";
import { type Patience, Watch } from "./patience.ts";
import type { Secrets } from "./secrets.ts";
import { takesAnyCertificate, urlFault, type Endpoint } from "./endpoint.ts";

/** The part of fetch() that tests replace. */
export type Fetch = (request: string, init: RequestInit) => Promise<Response>;

export interface TransportOptions extends Patience {
  readonly endpoint: Endpoint;
  /** Called by the first request that needs them. */
  readonly authorities: () => Authorities;
  /** Gets each secret that is sent. */
  readonly secrets: Secrets;
  readonly fetch?: Fetch;
  readonly log: (message: string) => void;
}

export interface TransportRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent by POST. A redirect of such a request is refused. */
  readonly form?: URLSearchParams;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose headers have arrived. The caller reads the body or calls discard(). */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The host that answered: "r.io", or the target of its redirect. Without path and query, which may be signed. */
  readonly host: string;
  /** True when another origin than the first one answered. */
  readonly isForeign: boolean;
  /** Makes a text of the server fit to be shown: it never shows a secret that was sent. */
  readonly quote: (text: string) => string;
  /** Yields the body as received, not decoded. Throws Transient when the connection breaks or stalls. */
  bytes(): AsyncGenerator<Uint8Array, void, undefined>;
  discard(): void;
}

const REDIRECTS_MAX = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Headers that authenticate the client. Another origin must not get them. */
const SECRET_HEADERS = new Set(["authorization", "cookie", "proxy-authorization"]);

/** Sends all requests. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #fetch: Fetch;
  #found: Authorities | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Follows redirects by the rules of urlFault(). Throws Transient, "network", or the reason of the request's signal. */
  async send(request: TransportRequest): Promise<Answer> {
    const first = request.url;
    let { url, headers } = request;
    for (let hops = 0; hops <= REDIRECTS_MAX; hops += 1) {
      const answer = await this.#sendOnce({ ...request, url, headers }, first);
      const location = answer.headers.get("location");
      if (!REDIRECTS.has(answer.status) || location === null) return answer;
      answer.discard();
      const next = this.#target(location, url, request);
      if (next.origin !== url.origin) headers = withoutSecrets(headers);
      this.#options.log(`${url.host} redirects to ${this.quoteHost(next.host)}`);
      this.#options.secrets.learnUrl(next);
      url = next;
    }
    throw refused(first, `it redirected more than ${REDIRECTS_MAX} times`);
  }

  /** The name of a host that a server chose, fit to be shown. */
  quoteHost(host: string): string {
    return this.#options.secrets.quoteHost(host);
  }

  #target(location: string, from: URL, request: TransportRequest): URL {
    const first = request.url;
    if (!URL.canParse(location, from.href)) throw refused(first, "it redirects to what is no URL");
    const next = new URL(location, from);
    const why =
      request.form !== undefined
        ? "a request with a secret is never redirected"
        : from.protocol === "https:" && next.protocol !== "https:"
          ? "it is not HTTPS"
          : urlFault(next, this.#options.endpoint);
    if (why === undefined) return next;
    throw refused(
      first,
      `it redirects to ${this.quoteHost(`${next.protocol}//${next.host}`)}: ${why}`,
    );
  }

  /** Returns the status of the API's root: any answer means that there is a registry. Throws like send(). */
  async ping(signal?: AbortSignal): Promise<number> {
    const url = new URL("/v2/", this.#options.endpoint.origin);
    const answer = await this.#sendOnce({ url, headers: {}, signal }, url);
    answer.discard();
    return answer.status;
  }

  /** Passes the certificates of findAuthorities(), because the runtime reads other stores by default. */
  #trust(url: URL): Pick<BunOptions, "tls"> {
    if (url.protocol !== "https:") return {};
    if (takesAnyCertificate(url, this.#options.endpoint))
      return { tls: { rejectUnauthorized: false } };
    this.#found ??= this.#options.authorities();
    const { certificates } = this.#found;
    return certificates === undefined ? {} : { tls: { ca: [...certificates] } };
  }

  async #sendOnce(request: TransportRequest, first: URL): Promise<Answer> {
    const { secrets } = this.#options;
    const { url, form, signal } = request;
    for (const [name, value] of Object.entries(request.headers))
      if (SECRET_HEADERS.has(name.toLowerCase())) secrets.learnHeader(value);
    if (form !== undefined) secrets.learnForm(form);
    const abort = new AbortController();
    const options: RequestInit & BunOptions = {
      method: form === undefined ? "GET" : "POST",
      headers: { "accept-encoding": "identity", ...request.headers },
      redirect: "manual",
      decompress: false,
      ...this.#trust(url),
      signal: signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]),
      ...(form === undefined ? {} : { body: form }),
    };
    const guard: Guard = {
      host: this.quoteHost(url.host),
      authorities: this.#found,
      patience: this.#options,
      signal,
      stop: () => abort.abort(),
    };
    const response = await guarded(() => this.#fetch(url.href, options), guard);
    return {
      status: response.status,
      headers: response.headers,
      host: guard.host,
      quote: (text) => secrets.quote(text),
      isForeign: url.origin !== first.origin,
      bytes: () => bodyOf(response.body, guard),
      discard: guard.stop,
    };
  }
}

/** The options that only Bun's fetch() has. */
interface BunOptions {
  readonly decompress: boolean;
  readonly tls?: { readonly ca: string[] } | { readonly rejectUnauthorized: false };
}

/** Reads a whole body. Stops and throws "content" after `bytesMax` bytes. */
export async function readBody(
  answer: Answer,
  bytesMax: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const declaredBytes = Number(answer.headers.get("content-length") ?? 0);
  if (declaredBytes > bytesMax) answer.discard();
  else
    for await (const chunk of answer.bytes()) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > bytesMax) break;
      chunks.push(chunk);
    }
  if (Math.max(sizeBytes, declaredBytes) > bytesMax)
    throw new TandemError(
      "content",
      `Cannot read ${what} from ${answer.host}: want at most ${bytesMax} bytes, it is larger`,
    );
  return new Uint8Array(Buffer.concat(chunks));
}

interface Guard {
  readonly host: string;
  readonly authorities: Authorities | undefined;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
  readonly stop: () => void;
}

/** Uses one watch for the whole body: a promise and a timer for each chunk would cost as much as the chunk. */
async function* bodyOf(
  body: ReadableStream<Uint8Array> | null,
  guard: Guard,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const { host, patience, signal, stop } = guard;
  const reader = body.getReader();
  const state: { isReading: boolean; stalled?: Transient } = { isReading: false };
  const watch = new Watch(patience, host, (why) => {
    state.stalled = why;
    stop();
    reader.cancel().catch(() => {});
  });
  try {
    for (;;) {
      signal?.throwIfAborted();
      watch.wait();
      state.isReading = true;
      const { done, value } = await reader.read();
      state.isReading = false;
      if (state.stalled !== undefined) throw state.stalled;
      if (done) return;
      watch.got(value.byteLength);
      if (value.byteLength > 0) yield value;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (state.stalled !== undefined) throw state.stalled;
    throw state.isReading ? failure(error, guard) : error;
  } finally {
    watch.stop();
    stop();
  }
}

/** Waits for `action` until the server has stalled. Throws the signal's reason, Transient or TandemError. */
async function guarded<T>(action: () => Promise<T>, guard: Guard): Promise<T> {
  const { host, patience, signal, stop } = guard;
  const stalled = Promise.withResolvers<never>();
  const watch = new Watch(patience, host, (why) => {
    stalled.reject(why);
    stop();
  });
  try {
    signal?.throwIfAborted();
    watch.wait();
    return await Promise.race([action(), stalled.promise]);
  } catch (error) {
    stop();
    signal?.throwIfAborted();
    throw error instanceof Transient ? error : failure(error, guard);
  } finally {
    watch.stop();
  }
}

/** Keeps only the name of the failure: the message of the error holds the URL. */
function failure(thrown: unknown, { host, authorities }: Guard): Error {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const name = code === "" ? (thrown instanceof Error ? thrown.name : "an unknown failure") : code;
  if (!/CERT|SIGNATURE|_TLS_|_SSL_|ISSUER/.test(name))
    return new Transient(`${name} on the connection to ${host}`);
  return new TandemError("network", `Cannot trust ${host}: its certificate fails with ${name}`, {
    hint: hintOf(name, authorities?.from ?? "those trusted here"),
  });
}

function hintOf(name: string, from: string): string {
  if (/EXPIRED|NOT_YET_VALID/.test(name))
    return "Correct the clock of this machine, or have the certificate renewed";
  if (/ALTNAME/.test(name)) return "Use a name that the certificate is for";
  return `This machine trusts ${from}: add the authority to the system's store, or name its certificate in NODE_EXTRA_CA_CERTS=FILE`;
}

function withoutSecrets(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !SECRET_HEADERS.has(name.toLowerCase())),
  );
}

function refused({ host }: URL, why: string): TandemError {
  return new TandemError("network", `Cannot follow ${host}: ${why}`);
}
