import { ofetch } from "ofetch";

import { TandemError } from "../lib/error.ts";
import { Transient } from "./attempts.ts";
import { failureOf, type FailureContext } from "./failure.ts";
import { type Fetch, readBody, type Transport, type TransportRequest } from "./transport.ts";

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
export async function requestJson(
  request: Pick<TransportRequest, "url" | "headers" | "form">,
  options: JsonOptions,
): Promise<JsonAnswer> {
  const { url, headers, form } = request;
  const { transport, retry, timeoutMs } = options;
  let host = transport.quoteHost(url.host);
  let isKnown = true;
  const fetch: Fetch = async (href, init) => {
    const { signal } = init;
    const answer = await transport.send({ ...request, url: new URL(href), ...signalOf(signal) });
    ({ host } = answer);
    if (options.unknownStatuses?.has(answer.status) === true) {
      answer.discard();
      isKnown = false;
      return new Response();
    }
    if (answer.status !== 200) throw await failureOf(answer, options);
    return new Response(await readBody(answer, options.bytesMax, options.what));
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- ofetch calls no more of fetch() than Fetch has.
  const client = ofetch.create({}, { fetch: fetch as typeof globalThis.fetch });
  try {
    const response = await client.raw<unknown, "text">(url.href, {
      method: form === undefined ? "GET" : "POST",
      headers,
      ...(form === undefined ? {} : { body: form }),
      // Parsed below: ofetch parses nothing where the body is empty.
      responseType: "text",
      retry,
      timeout: timeoutMs,
    });
    if (!isKnown) return { host, value: undefined };
    // oxlint-disable-next-line no-underscore-dangle -- The name is ofetch's.
    return {
      host,
      value: parseJsonOf(response._data ?? "", `Cannot ${options.task}: ${host} gave`),
    };
  } catch (error) {
    throw causeOf(error, `no answer from ${host} within ${timeoutMs / 1000} s`);
  }
}

function signalOf(signal: AbortSignal | null | undefined): { readonly signal?: AbortSignal } {
  return signal === null || signal === undefined ? {} : { signal };
}

/** The error of JSON.parse() quotes the text, which may be a secret. */
function parseJsonOf(text: string, gave: string): unknown {
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
