import type { Authorities } from "../../src/system/authorities.ts";
import type { Fetch } from "../../src/oci/transport.ts";

export interface Sent {
  /** "GET https://r.io/v2/…", with the query. */
  readonly line: string;
  readonly host: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/** The certificate authorities of the runtime. */
export const AUTHORITIES = (): Authorities => ({ certificates: undefined, from: "nobody" });

export interface Internet {
  readonly fetch: Fetch;
  readonly sent: Sent[];
  readonly to: (host: string) => Sent[];
}

/**
 * Simulates hosts by their names, so that tests need no HTTPS and no network. Other hosts cannot be reached.
 */
export function internet(
  hosts: Readonly<Record<string, (sent: Sent) => Response | Promise<Response>>>,
): Internet {
  const sent: Sent[] = [];
  return {
    sent,
    to: (host) => sent.filter((one) => one.host === host),
    async fetch(request, init) {
      const url = new URL(request);
      const body = init.body instanceof URLSearchParams ? init.body.toString() : "";
      const headers = new Headers(init.headers);
      const one = { line: `${init.method} ${request}`, host: url.host, url, headers, body };
      sent.push(one);
      const host = hosts[url.host];
      if (host === undefined)
        throw Object.assign(new Error(`no ${request}`), { code: "ENOTFOUND", path: request });
      return host(one);
    },
  };
}
