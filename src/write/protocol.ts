import type { WrittenRange } from "../ext4/written-range.ts";
import type { Layout } from "../ext4/layout.ts";
import type { PackedEntries } from "../layer/packed-form.ts";
import type { LayerInput } from "../layer/unpack.ts";
import { type ErrorCode, TandemError } from "../lib/error.ts";
import { machineFailure } from "../system/failure.ts";
import type { BlobName, SourceRecipe } from "../source/source.ts";
import type { LaneMemory } from "./hash-lane.ts";

/** What a worker needs to write to the target by itself. */
export interface UnpackTarget {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly layout: Layout;
  /** The allocator's memory, shared by all threads. */
  readonly shared: SharedArrayBuffer;
}

/** What a worker opens by itself. */
export interface WorkerPlace {
  readonly source: SourceRecipe;
  readonly target: UnpackTarget;
  /** Where it has its layers hashed; undefined: by itself. */
  readonly hash: LaneMemory | undefined;
  /** Whether this worker lowers its priority because others will take longer. */
  readonly hasLowPriority: boolean;
}

/** To the worker, which does one after the other and answers each. It asks for a blob as soon as it hears of it. */
export type Request =
  | ({ readonly kind: "open" } & WorkerPlace)
  | { readonly kind: "unpack"; readonly layer: LayerInput; readonly blob: BlobName }
  | { readonly kind: "finish" }
  /** Interrupts what the worker does. It ends when its writes in flight have ended. */
  | { readonly kind: "stop" };

/** From the worker. A number is how many more bytes of the blob have come. */
export type Reply =
  | number
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "detail"; readonly text: string }
  | { readonly kind: "unpacked"; readonly entries: PackedEntries }
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
  const known = machineFailure(error);
  if (known !== undefined) return failureOf(known);
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
