import { MiB } from "../lib/units.ts";
import type { BlockFile } from "./block-file.ts";

/** How much is written at once. */
export const PARCEL_BYTES = MiB;

/** Takes bytes to a file in parcels. Who fills one need not wait for those before. */
export interface Outbox {
  /** The memory of the next parcel, PARCEL_BYTES of it. What lies there means nothing. */
  take(): Uint8Array;
  /** Has the first `sizeBytes` of what take() gave last written. It must not be touched any more. Throws what went wrong with it or with one before. */
  send(offsetBytes: number, sizeBytes: number): void;
  /** Waits until all is written, and throws what went wrong. Durable only after a flush of the file. Nothing is sent afterwards. */
  settle(): void;
  /** Gives back what it has of the kernel, which may take it 30 ms, and waits for the writes in flight. Their errors are lost without settle(). */
  close(): void;
}

/** Writes at once, so that one parcel is enough. */
export function plainOutbox(file: BlockFile): Outbox {
  const parcel = new Uint8Array(PARCEL_BYTES);
  return {
    take: () => parcel,
    send: (offsetBytes, sizeBytes) => file.write(offsetBytes, parcel.subarray(0, sizeBytes)),
    settle() {},
    close() {},
  };
}
