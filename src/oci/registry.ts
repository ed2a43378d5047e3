import { TandemError } from "../lib/error.ts";
import { once } from "../lib/once.ts";
import type { Authorities } from "../system/authorities.ts";
import { Attempts, withAttempts, type Sleep } from "./attempts.ts";
import { Authorization } from "./authorization.ts";
import type { Credentials } from "./credentials.ts";
import { digestOf, type Digest } from "./digest.ts";
import { download, encodingNote } from "./download.ts";
import { endpointOf, type Endpoint, type Scheme } from "./endpoint.ts";
import { failureOf } from "./failure.ts";
import { DOCUMENT_BYTES_MAX, type Descriptor, type Document } from "./manifest.ts";
import { ACCEPT_MANIFESTS, documentKind, mediaTypeOf } from "./media-type.ts";
import type { Patience } from "./patience.ts";
import { printReference, type Reference } from "./reference.ts";
import type { DocumentReader } from "./resolve.ts";
import { findScheme } from "./scheme.ts";
import { Secrets } from "./secrets.ts";
import type { TagPage } from "./tags.ts";
import { TokenService } from "./token.ts";
import { readBody, Transport, type Answer, type Fetch } from "./transport.ts";
import { verified, verifyWhole, type Expected } from "./verify.ts";

export interface RegistryOptions extends Patience {
  readonly insecureRegistries: readonly string[];
  /** The scheme of the registry, if an earlier connection found it. */
  readonly scheme?: Scheme;
  readonly credentials: Credentials | undefined;
  readonly log: (message: string) => void;
  readonly sleep: Sleep;
  readonly authorities: () => Authorities;
  readonly fetch?: Fetch;
  /** Aborts all requests. */
  readonly signal?: AbortSignal;
}

interface Question {
  /** "manifests/latest", "blobs/sha256:…" */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly task: string;
  readonly signal?: AbortSignal | undefined;
}

/** The parts that need the registry's scheme, which is known after its first answer. */
interface Connection {
  readonly endpoint: Endpoint;
  readonly transport: Transport;
  readonly authorization: Authorization;
}

/** How long a registry may take to answer by TLS before plain HTTP is tried, where that is allowed. Go waits as long. */
const PING_MS_MAX = 10_000;

/** Reads one repository of one registry (distribution-spec "Pull"). All that it returns is verified. */
export class Registry implements DocumentReader {
  readonly name: string;
  readonly #reference: Reference;
  readonly #options: RegistryOptions;
  readonly #identity: string;
  readonly #secrets = new Secrets();
  readonly #connection: () => Promise<Connection>;
  #scheme: Scheme | undefined;

  constructor(reference: Reference, options: RegistryOptions) {
    const { credentials } = options;
    this.name = printReference(reference);
    this.#reference = reference;
    this.#options = options;
    this.#scheme = options.scheme;
    this.#identity =
      credentials === undefined
        ? "without credentials"
        : `with the credentials from "${credentials.from}"`;
    this.#connection = once(() => this.#connect());
  }

  /** The scheme of the registry. Undefined until its first answer. */
  get scheme(): Scheme | undefined {
    return this.#scheme;
  }

  /** Fetches the document that the reference names, by digest if there is one, else by tag. */
  async root(): Promise<Document> {
    const { tag = "latest", digest } = this.#reference;
    const { bytes, answer } = await this.#manifest(digest ?? tag);
    const actual = digestOf(bytes, digest);
    if (digest !== undefined)
      verifyWhole(bytes, { digest, sizeBytes: bytes.byteLength }, this.#from(answer));
    this.#warn(answer, actual);
    const declaredType = mediaTypeOf(answer.headers.get("content-type"));
    return { bytes, digest: actual, ...(declaredType === undefined ? {} : { declaredType }) };
  }

  async manifest(descriptor: Descriptor): Promise<Uint8Array> {
    const { bytes, answer } = await this.#manifest(descriptor.digest);
    return verifyWhole(bytes, descriptor, this.#from(answer));
  }

  async config(descriptor: Descriptor): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.blob(descriptor, this.#options.signal))
      chunks.push(chunk.slice());
    return new Uint8Array(Buffer.concat(chunks));
  }

  /** Fetches a page of the list of tags. `query` is what the page before it names, and "" for the first one. */
  async tagPage(query: string): Promise<TagPage> {
    const what = `the tags of ${this.#repository}`;
    const task = `fetch ${what}`;
    return withAttempts(
      async () => {
        const answer = await this.#open({ path: `tags/list${query}`, headers: {}, task });
        const bytes = await readBody(answer, DOCUMENT_BYTES_MAX, what);
        return { bytes, link: answer.headers.get("link") ?? undefined };
      },
      this.#attempts(task),
      this.#options.signal,
    );
  }

  /** Yields the raw bytes of a blob. A broken connection is resumed. Wrong bytes throw instead of ending. */
  blob(want: Expected, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    let from = (): string => this.#repository;
    const what = `${want.digest} of ${this.#repository}`;
    const task = `fetch ${what}`;
    const open = async (offsetBytes: number): Promise<Answer> => {
      const range = offsetBytes === 0 ? {} : { range: `bytes=${offsetBytes}-` };
      const path = `blobs/${want.digest}`;
      const answer = await this.#open({ path, headers: range, task, signal });
      from = this.#from(answer);
      return answer;
    };
    const attempts = new Attempts(this.#attempts(task));
    const { minimumRate } = this.#options;
    const { sizeBytes } = want;
    const bytes = download({ sizeBytes, open, attempts, minimumRate, what, signal });
    return verified(bytes, want, () => from());
  }

  /** Replaces an error that quotes a secret which was sent: a document of a hostile registry can cause that. */
  conceal(error: unknown): unknown {
    if (!(error instanceof TandemError)) return error;
    const { code, message, hint = "" } = error;
    if (!this.#secrets.areIn(`${message} ${hint}`)) return error;
    const why = "the reason is not shown, because it contains a secret that was sent";
    return new TandemError(code, `Cannot use ${this.name}: ${why}`);
  }

  async #manifest(target: string): Promise<{ bytes: Uint8Array; answer: Answer }> {
    const what = `manifest "${target}" of ${this.#repository}`;
    const task = `fetch ${what}`;
    return withAttempts(
      async () => {
        const path = `manifests/${target}`;
        const answer = await this.#open({ path, headers: { accept: ACCEPT_MANIFESTS }, task });
        return { bytes: await readBody(answer, DOCUMENT_BYTES_MAX, what), answer };
      },
      this.#attempts(task),
      this.#options.signal,
    );
  }

  async #connect(): Promise<Connection> {
    const { credentials, insecureRegistries, log, signal, stallMs } = this.#options;
    const endpointBy = (scheme?: Scheme): Endpoint =>
      endpointOf(this.#reference, insecureRegistries, scheme);
    const ping = (scheme: Scheme): Promise<number> => {
      const patience = { stallMs: Math.min(stallMs, PING_MS_MAX) };
      const secrets = this.#secrets;
      const options = { ...this.#options, ...patience, secrets, endpoint: endpointBy(scheme) };
      return new Transport(options).ping(signal);
    };
    const scheme = this.#scheme ?? (await findScheme({ endpoint: endpointBy(), ping, log }));
    this.#scheme = scheme;
    const endpoint = endpointBy(scheme);
    const transport = new Transport({ ...this.#options, secrets: this.#secrets, endpoint });
    const task = `get a token for ${this.#repository}`;
    const identity = this.#identity;
    const tokens = new TokenService({ endpoint, transport, credentials, task, identity });
    const scope = `repository:${this.#reference.repository}:pull`;
    const authorization = new Authorization({ credentials, tokens, scope });
    return { endpoint, transport, authorization };
  }

  /** Sends one request with the authorization that the registry asks for. Throws Transient, or TandemError. */
  async #open({ path, headers, task, signal }: Question): Promise<Answer> {
    const { endpoint, transport, authorization } = await this.#connection();
    const url = new URL(`/v2/${this.#reference.repository}/${path}`, endpoint.origin);
    const sent: (string | undefined)[] = [];
    for (;;) {
      const header = await authorization.header();
      sent.push(header);
      const identified = header === undefined ? headers : { ...headers, authorization: header };
      const answer = await transport.send({
        url,
        headers: identified,
        signal: signal ?? this.#options.signal,
      });
      if (answer.status === 200 || answer.status === 206) return answer;
      // Only the registry itself may ask for credentials, and not the target of a redirect.
      const challenge = answer.headers.get("www-authenticate") ?? "";
      const mayAsk = answer.status === 401 && !answer.isForeign;
      if (!mayAsk || !(await authorization.learn(challenge, sent)))
        throw await failureOf(answer, { task, identity: this.#identity });
      answer.discard();
    }
  }

  /** Warns of wrong headers. They do no harm, because the bytes are hashed. */
  #warn({ headers, quote }: Answer, actual: Digest): void {
    const claimed = headers.get("docker-content-digest");
    if (
      claimed?.startsWith("sha256:") === true &&
      actual.startsWith("sha256:") &&
      claimed !== actual
    )
      this.#options.log(
        `Cannot rely on Docker-Content-Digest of ${this.#reference.host}: it differs from ${actual} of ${this.name}, continuing`,
      );
    const type = mediaTypeOf(headers.get("content-type"));
    if (documentKind(type) === undefined)
      this.#options.log(
        `Cannot tell what ${this.name} is from its Content-Type "${quote(type ?? "")}", continuing with the type in the document`,
      );
  }

  #from(answer: Answer): () => string {
    return () => `${this.#repository}${encodingNote(answer)}`;
  }

  get #repository(): string {
    return `${this.#reference.host}/${this.#reference.repository}`;
  }

  #attempts(task: string): ConstructorParameters<typeof Attempts>[0] {
    const { sleep, log } = this.#options;
    return { sleep, log, task, host: this.#reference.host };
  }
}
