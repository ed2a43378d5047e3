import { type LayeredSource, openSource, type SourceOptions } from "../../src/source/source.ts";
import { layersOf } from "../../src/write/layers-of.ts";
import { memoryFiles } from "./files.ts";

export interface TestSource {
  readonly source: LayeredSource;
  /** The logged texts, without the message that each fake registry uses no TLS. */
  readonly lines: string[];
  /** The requested sleeps in ms. No time passes. */
  readonly naps: number[];
}

/** Opens a source that does not really sleep and sees only the given files. */
export async function testSource(
  text: string,
  options: Partial<SourceOptions> & { readonly content?: Parameters<typeof memoryFiles>[0] } = {},
): Promise<TestSource> {
  const lines: string[] = [];
  const naps: number[] = [];
  const source = await openSource(text, {
    architecture: "amd64",
    insecureRegistries: [],
    environment: { HOME: "/home/me" },
    files: memoryFiles(options.content ?? {}),
    log: (line) => {
      if (!line.endsWith("it is used over plain HTTP")) lines.push(line);
    },
    userId: 1000,
    sleep: async (ms, signal) => {
      naps.push(ms);
      signal?.throwIfAborted();
    },
    stallMs: 5000,
    ...options,
  });
  return { source: layersOf(source), lines, naps };
}

/** Collects all bytes of a source. A chunk is valid only until the next one. */
export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}

export interface Rejection {
  readonly code: unknown;
  readonly message: string;
  /** The printed form of the error, with its causes. */
  readonly printed: string;
}

/**
 * What a promise was rejected with. A copy, because toMatchObject() of Bun 1.4.5 writes its matchers into what it is
 * given.
 */
export async function rejection(promise: Promise<unknown>): Promise<Rejection> {
  return promise.then(
    () => ({ code: undefined, message: "it was not rejected", printed: "" }),
    (error: Error) => ({
      code: "code" in error ? error.code : undefined,
      message: error.message,
      printed: Bun.inspect(error),
    }),
  );
}
