import { MiB } from "../lib/units.ts";
import type { BlockFile } from "./block-file.ts";

/** The size of one write. */
export const PARCEL_BYTES = MiB;

/**
 * Writes a file in parcels: buffers of PARCEL_BYTES. The caller can fill the next parcel while earlier ones are
 * written.
 */
export interface Outbox {
  /** Returns the memory of the next parcel. Its content is undefined. */
  take(): Uint8Array;
  /**
   * Starts to write the first `sizeBytes` of the parcel that take() returned last. The caller must not touch the parcel
   * any more. Throws the error of this or of an earlier write.
   */
  send(offsetBytes: number, sizeBytes: number): void;
  /**
   * Waits for all writes and throws their errors. They are durable only after a flush of the file. Do not call send()
   * afterwards.
   */
  settle(): void;
  /**
   * Waits for the writes in flight, without their errors: call settle() first. Frees the kernel's queue, which may take
   * 30 ms.
   */
  close(): void;
}

/** An Outbox with one parcel, whose send() writes the parcel before it returns. */
export function plainOutbox(file: BlockFile): Outbox {
  const parcel = new Uint8Array(PARCEL_BYTES);
  return {
    take: () => parcel,
    send: (offsetBytes, sizeBytes) => file.write(offsetBytes, parcel.subarray(0, sizeBytes)),
    settle() {},
    close() {},
  };
}
