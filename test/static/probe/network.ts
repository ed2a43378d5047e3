/** A name server, a web server, and clients of both, in one process. */
import { lookup } from "node:dns/promises";

import { startNames } from "./names.ts";

/** Resolves `names` with the C library. Names that are not in /etc/hosts go to a name server on 127.0.0.1. */
export async function addressesOf(names: readonly string[]): Promise<string[]> {
  const server = await startNames("127.0.0.1");
  const found = [];
  for (const name of names) found.push((await lookup(name, { family: 4 })).address);
  server.close();
  return found;
}

/** Fetches from an HTTPS server for `localhost`. Returns its answer, or the code of the error. */
export async function fetchFromSelf(
  { key, cert }: { readonly key: string; readonly cert: string },
  trusted: readonly string[],
): Promise<string> {
  using server = Bun.serve({
    port: 0,
    tls: { key, cert },
    fetch: () => new Response("hello over TLS"),
  });
  try {
    const tls = trusted.length > 0 ? { tls: { ca: [...trusted] } } : {};
    return await (await fetch(`https://localhost:${server.port}/`, tls)).text();
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}
