/** The two parts of the memory: the state, and the changes beside a state that a newer tandem has made. */
export type MemoryPart = "state" | "beside";

/** The place of tandem's memory. It holds two copies of each part. */
export interface MemoryStorage {
  /** The bytes of a copy. All zeros when the copy was never written. Throws "disk". */
  read(part: MemoryPart, copy: 0 | 1): Uint8Array;
  /**
   * Replaces a copy durably, and reads it back. A power cut leaves the other copy whole. Throws "disk" or "no-space".
   */
  write(part: MemoryPart, copy: 0 | 1, bytes: Uint8Array): Promise<void>;
  /** Whether the storage is empty or holds only an incomplete first state (after a power cut). Throws "disk". */
  isBlank(): boolean;
  /** Removes everything, as before the first write. A power cut leaves a part of the old content. Throws "disk". */
  empty(): Promise<void>;
}
