import type { WrittenRange } from "../ext4/written-range.ts";
import type { Ext4Geometry } from "../ext4/geometry.ts";
import type { PackedEntries } from "../layer/packed-form.ts";
import type { LayerInput } from "../layer/unpack.ts";
import { type ErrorCode, TandemError } from "../lib/error.ts";
import { machineFailure } from "../system/failure.ts";
import type { BlobName, SourceRecipe } from "../source/source.ts";
import type { LaneMemory } from "./hash-lane.ts";

/** The data that a worker needs to open and write the target itself. */
export interface UnpackTarget {
  readonly path: string;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly geometry: Ext4Geometry;
  /** The allocator's memory, shared by all threads. */
  readonly shared: SharedArrayBuffer;
}

/** The data that a worker needs to start. */
export interface WorkerSetup {
  readonly source: SourceRecipe;
  readonly target: UnpackTarget;
  /** The lane to a hasher. Undefined: the worker hashes itself. */
  readonly hash: LaneMemory | undefined;
  /** Whether this worker lowers its priority because others will take longer. */
  readonly hasLowPriority: boolean;
}

/**
 * A message to the worker. The worker processes requests in order and answers each. It requests a blob as soon as the
 * message arrives.
 */
export type Request =
  | ({ readonly kind: "open" } & WorkerSetup)
  | { readonly kind: "unpack"; readonly layer: LayerInput; readonly blob: BlobName }
  | { readonly kind: "finish" }
  /** Interrupts the current request. The worker ends after its writes in flight. */
  | { readonly kind: "stop" };

/** A message from the worker. A number is the count of new bytes of the blob. */
export type Reply =
  | number
  | { readonly kind: "warning"; readonly text: string }
  | { readonly kind: "detail"; readonly text: string }
  | { readonly kind: "unpacked"; readonly entries: PackedEntries }
  | { readonly kind: "finished"; readonly ranges: WrittenRange[] }
  | { readonly kind: "failed"; readonly failure: Failure }
  /** The worker writes nothing any more, and has no file of the target open. */
  | { readonly kind: "closed" };

/** An error as plain data, because a message to another thread strips the fields of an error. */
export interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function encodeFailure(error: unknown): Failure {
  if (error instanceof TandemError)
    return { code: error.code, message: error.message, hint: error.hint, stack: error.stack };
  const known = machineFailure(error);
  if (known !== undefined) return encodeFailure(known);
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: undefined, message, hint: undefined, stack };
}

export function decodeFailure({ code, message, hint, stack }: Failure): Error {
  const error =
    code === undefined
      ? new Error(message)
      : new TandemError(code, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) error.stack = stack;
  return error;
}
