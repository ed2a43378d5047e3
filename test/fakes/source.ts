import { type LayeredSource, openSource, type SourceOptions } from "../../src/source/source.ts";
import { layersOf } from "../../src/write/layers-of.ts";
import { memoryFiles } from "./files.ts";

export interface TestSource {
  readonly source: LayeredSource;
  /** What was logged, but for what is said of each fake registry: that it speaks no TLS. */
  readonly lines: string[];
  /** How long was slept, in ms; no time passes. */
  readonly naps: number[];
}

/** Opens a source that sleeps in no time and finds no files but the given ones. */
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
      if (!line.endsWith("it is spoken to in plain HTTP")) lines.push(line);
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

/** All bytes of a source. A chunk is valid only until the next one. */
export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}

export interface Rejection {
  readonly code: unknown;
  readonly message: string;
  /** The error as it would be printed, with its causes. */
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
