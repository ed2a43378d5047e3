/** What has two copies in the memory: the state, and the changes beside a state that a newer tandem made. */
export type Part = "state" | "beside";

/** Where tandem's memory is kept: the bytes of two copies of each part. */
export interface MemoryStorage {
  /** The bytes of a copy; all zeros, or none, where it was never written. Throws `disk`. */
  read(part: Part, copy: 0 | 1): Uint8Array;
  /** Replaces a copy, and reads it back: it is on the medium when it returns. A cut leaves the other copy whole. Throws `disk`. */
  write(part: Part, copy: 0 | 1, bytes: Uint8Array): Promise<void>;
  /** Whether nothing was ever written, but for a part of the first state: a cut may have left any part of it. Throws `disk`. */
  isBlank(): boolean;
  /** As it was before the first write. A cut leaves a part of what was there. Throws `disk`. */
  empty(): Promise<void>;
}
