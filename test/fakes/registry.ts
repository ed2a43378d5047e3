import { readFileSync } from "node:fs";
import type { Document } from "../../src/oci/manifest.ts";
import type { FakeImage } from "./image.ts";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: string;
}

export type Script = (seen: Seen) => Response | Promise<Response>;

/** The first request of each client, which finds out whether the registry exists and uses TLS. */
const PING = "/v2/";

export interface FakeRegistryOptions {
  /** Key and certificate in PEM form. With them the registry uses TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Default: a free port. */
  readonly port?: number;
}

/** A registry on loopback. It answers with scripts of the test, and otherwise like a real registry. */
export class FakeRegistry {
  /** The requests, without pings. */
  readonly requests: Seen[] = [];
  readonly #content = new Map<string, { bytes: Uint8Array; type: string }>();
  readonly #scripts = new Map<string, Script[]>();
  readonly #server: Bun.Server<undefined>;

  constructor({ tls, port = 0 }: FakeRegistryOptions = {}) {
    this.#server = Bun.serve({
      port,
      hostname: "127.0.0.1",
      ...(tls === undefined ? {} : { tls }),
      fetch: (request) => this.#answer(request),
    });
  }

  /** "127.0.0.1:PORT" */
  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  put(path: string, bytes: Uint8Array, type = "application/octet-stream"): void {
    this.#content.set(path, { bytes, type });
  }

  /** Serves `image` as ns/app:latest and by its digest. */
  putImage(image: FakeImage, tag = "latest"): void {
    this.putDocument(image, tag);
    for (const { bytes, digest } of image.blobs) this.put(`/v2/ns/app/blobs/${digest}`, bytes);
  }

  putDocument(document: Document, tag?: string): void {
    for (const name of tag === undefined ? [document.digest] : [document.digest, tag])
      this.put(`/v2/ns/app/manifests/${name}`, document.bytes, document.declaredType ?? "");
  }

  /** Sets the answers to the next requests for `path`. The last script is used for all further requests. */
  script(path: string, ...scripts: Script[]): void {
    this.#scripts.set(path, scripts);
  }

  /** Answers a request for which there is no script. Supports "bytes=N-". */
  serve({ path, headers }: Seen): Response {
    const found = this.#content.get(path);
    if (found === undefined)
      return Response.json(
        { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] },
        { status: 404 },
      );
    const first = Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1] ?? -1);
    if (first === -1) return new Response(found.bytes, { headers: { "content-type": found.type } });
    const size = found.bytes.byteLength;
    return new Response(found.bytes.subarray(first), {
      status: 206,
      headers: { "content-range": `bytes ${first}-${size - 1}/${size}` },
    });
  }

  /** The number of requests for a path. */
  count(path: string): number {
    return this.requests.filter((seen) => seen.path === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const seen: Seen = {
      method: request.method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: await request.text(),
    };
    if (seen.path !== PING) this.requests.push(seen);
    const scripts = this.#scripts.get(seen.path) ?? [];
    const script = scripts.length > 1 ? scripts.shift() : scripts[0];
    return script === undefined ? this.serve(seen) : script(seen);
  }
}

/** The first byte of a TLS connection. */
const TLS_HANDSHAKE = 0x16;

/**
 * Answers each connection with raw bytes and what follows them: for bodies that no HTTP library would send. It hangs up
 * on TLS and answers pings by itself; neither counts as a request.
 */
export class RawServer {
  readonly requests: string[] = [];
  readonly #listener: Bun.TCPSocketListener<undefined>;

  constructor(answer: (request: string, nth: number) => RawAnswer) {
    const { requests } = this;
    const pending = new WeakMap<object, () => void>();
    this.#listener = Bun.listen({
      port: 0,
      hostname: "127.0.0.1",
      socket: {
        data(socket, data) {
          if (data[0] === TLS_HANDSHAKE) return socket.terminate();
          if (data.toString().startsWith(`GET ${PING} `))
            return void socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
          requests.push(data.toString());
          const { head, body = new Uint8Array(0), end } = answer(data.toString(), requests.length);
          let rest: Uint8Array = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
          const push = (): void => {
            rest = rest.subarray(socket.write(rest));
            if (rest.byteLength > 0) return;
            pending.delete(socket);
            if (end !== "hang") void whenRead(socket.remotePort).then(() => endOf(socket, end));
          };
          pending.set(socket, push);
          push();
        },
        drain(socket) {
          pending.get(socket)?.();
        },
      },
    });
  }

  get host(): string {
    return `127.0.0.1:${this.#listener.port}`;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

function endOf(socket: Bun.Socket, end: "close" | "reset"): void {
  if (end === "close") socket.end();
  else socket.terminate();
}

/**
 * Waits until the client at `port` has taken all that was sent to it, and a moment for handing it on: what arrives
 * together with the end is dropped by the client, and tests want progress.
 */
async function whenRead(port: number): Promise<void> {
  do await Bun.sleep(5);
  while (isUnread(port));
}

/** Whether the kernel holds bytes that were sent to 127.0.0.1:`port`, as proc(5) tells under /proc/net/tcp. */
function isUnread(port: number): boolean {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .some(
      ([, local, remote, , queued = ""]) =>
        (local === address && !queued.endsWith(":00000000")) ||
        (remote === address && !queued.startsWith("00000000:")),
    );
}

export interface RawAnswer {
  readonly head: readonly string[];
  readonly body?: Uint8Array;
  readonly end: "close" | "reset" | "hang";
}
