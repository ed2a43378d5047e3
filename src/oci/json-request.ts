import { ofetch } from "ofetch";

import { TandemError } from "../lib/error.ts";
import { Transient } from "./attempts.ts";
import { failureOf, type FailureContext } from "./failure.ts";
import { type Fetch, readBody, type Transport, type TransportRequest } from "./transport.ts";

export type JsonRequest = Pick<TransportRequest, "url" | "headers" | "form">;

export interface JsonOptions extends FailureContext {
  readonly transport: Transport;
  /** How often a failed request is sent again. */
  readonly retry: number;
  /** The limit on the whole request, with its redirects and the body. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** What the answer is in messages: "a token". */
  readonly what: string;
  /** The statuses of a server that does not know this kind of request. They are no failure. */
  readonly unknownStatuses?: ReadonlySet<number>;
}

export interface JsonAnswer {
  /** The host that answered, fit to be shown. */
  readonly host: string;
  /** undefined for one of `unknownStatuses`. */
  readonly value: unknown;
}

/**
 * Asks a server for a small JSON document. ofetch sends the request through the own transport, so that the rules for redirects,
 * certificates, slow servers and secrets are the same as for blobs. Throws Transient or TandemError, and never an error of ofetch: these
 * quote the URL.
 */
export async function requestJson(request: JsonRequest, options: JsonOptions): Promise<JsonAnswer> {
  const { url, headers, form } = request;
  const { transport, retry, timeoutMs, task } = options;
  const asked: Asked = { host: transport.quoteHost(url.host), isKnown: true };
  const fetch = fetchThrough(request, options, asked);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ofetch calls no more of fetch() than Fetch has.
  const client = ofetch.create({}, { fetch: fetch as typeof globalThis.fetch });
  try {
    // A text, which is parsed here: ofetch parses nothing where the body is empty.
    const text = await client(url.href, {
      method: form === undefined ? "GET" : "POST",
      headers,
      ...(form === undefined ? {} : { body: form }),
      responseType: "text",
      retry,
      timeout: timeoutMs,
    });
    const { host, isKnown } = asked;
    return { host, value: isKnown ? parse(text, `Cannot ${task}: ${host} gave`) : undefined };
  } catch (error) {
    throw causeOf(error, `no answer from ${asked.host} within ${timeoutMs / 1000} s`);
  }
}

/** What the answer said beside its body. */
interface Asked {
  host: string;
  isKnown: boolean;
}

/** A fetch() that sends by the own transport, and reads a small body only. It throws for an answer that is no success. */
function fetchThrough(request: JsonRequest, options: JsonOptions, asked: Asked): Fetch {
  return async (href, { signal }) => {
    const url = new URL(href);
    const answer = await options.transport.send({ ...request, url, ...signalOf(signal) });
    asked.host = answer.host;
    asked.isKnown = options.unknownStatuses?.has(answer.status) !== true;
    if (!asked.isKnown) {
      answer.discard();
      return new Response();
    }
    if (answer.status !== 200) throw await failureOf(answer, options);
    return new Response(await readBody(answer, options.bytesMax, options.what));
  };
}

function signalOf(signal: AbortSignal | null | undefined): { readonly signal?: AbortSignal } {
  return signal === null || signal === undefined ? {} : { signal };
}

/** The error of JSON.parse() quotes the text, which may be a secret. */
function parse(text: string, gave: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TandemError("network", `${gave} what is not JSON`);
  }
}

/** What ofetch wraps in an error of its own. */
function causeOf(error: unknown, timeout: string): unknown {
  const isWrapped = error instanceof Error && error.name === "FetchError";
  const cause = isWrapped ? error.cause : error;
  return cause instanceof Error && cause.name === "TimeoutError" ? new Transient(timeout) : cause;
}
