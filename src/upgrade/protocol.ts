import type { WrittenRange } from "../ext4/written-range.ts";
import type { Layout } from "../ext4/layout.ts";
import type { Entry } from "../layer/entry.ts";
import type { LayerInput } from "../layer/unpack.ts";
import { type ErrorCode, TandemError } from "../lib/error.ts";

/** What a worker needs to write to the target by itself. */
export interface UnpackTarget {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly layout: Layout;
  /** The allocator's memory, shared by all threads. */
  readonly shared: SharedArrayBuffer;
}

/** To the worker. A Uint8Array is the next chunk of the layer. */
export type Request =
  | Uint8Array<ArrayBuffer>
  | { readonly kind: "open"; readonly target: UnpackTarget }
  | { readonly kind: "layer"; readonly layer: LayerInput }
  | { readonly kind: "end" }
  | { readonly kind: "finish" };

/** From the worker. A number is the bytes of one chunk it is done with. */
export type Reply =
  | number
  | { readonly kind: "entries"; readonly entries: Entry[] }
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "ended" }
  | { readonly kind: "finished"; readonly ranges: WrittenRange[] }
  | { readonly kind: "failed"; readonly failure: Failure };

/** An error as plain data: what a thread boundary would strip from it is kept. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof TandemError)
    return { code: error.code, message: error.message, hint: error.hint, stack: error.stack };
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, hint: undefined, stack };
}

export function errorOf({ code, message, hint, stack }: Failure): Error {
  const error =
    code === undefined
      ? new Error(message)
      : new TandemError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
