import { TandemError } from "../lib/error.ts";
import { Transient } from "./attempts.ts";
import type { Endpoint, Scheme } from "./endpoint.ts";

export interface SchemeOptions {
  readonly endpoint: Pick<Endpoint, "host" | "mayBePlain">;
  /** Returns the status of GET /v2/. Throws Transient without an answer, and TandemError for a certificate that fails. */
  readonly ping: (scheme: Scheme) => Promise<number>;
  readonly log: (message: string) => void;
}

/** The answer of Go, nginx and others to plain HTTP on a port for TLS. */
const SPEAKS_TLS_ONLY = 400;

/**
 * Finds the scheme of a registry: HTTPS, unless the registry may be plain and gives no answer by TLS. No answer means
 * another protocol, or a connection that is refused, closed or silent. A certificate that fails never leads to plain
 * HTTP.
 */
export async function findScheme({ endpoint, ping, log }: SchemeOptions): Promise<Scheme> {
  const { host, mayBePlain } = endpoint;
  if (!mayBePlain) return "https";
  try {
    await ping("https");
    return "https";
  } catch (error) {
    if (error instanceof TandemError) throw withWayOut(error, host);
    if (!(error instanceof Transient)) throw error;
    await pingPlain(ping, error);
    log(`${host} does not answer by TLS (${error.message}): it is used over plain HTTP`);
    return "http";
  }
}

async function pingPlain(ping: SchemeOptions["ping"], secure: Transient): Promise<void> {
  try {
    if ((await ping("http")) !== SPEAKS_TLS_ONLY) return;
  } catch (plain) {
    if (!(plain instanceof Transient) || plain.message === secure.message) throw plain;
    throw new Transient(`${plain.message} in plain HTTP and ${secure.message} by TLS`);
  }
  throw secure;
}

function withWayOut({ code, message, hint }: TandemError, host: string): TandemError {
  const way = `if it cannot have a valid certificate, add --insecure-registry ${host}`;
  return new TandemError(code, message, { hint: hint === undefined ? way : `${hint}; ${way}` });
}
