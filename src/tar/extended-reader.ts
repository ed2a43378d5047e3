import type { ByteString } from "../lib/byte-string.ts";
import { Extended } from "./extended.ts";
import { Fault, quoted } from "./fault.ts";
import { byteStringIn } from "./field.ts";
import { BLOCK_BYTES, type Header } from "./header.ts";
import { readPax } from "./pax.ts";

/** Those of one member together. Go's archive/tar has the same limit; the memory is taken before a byte of it has come. */
const EXTENDED_BYTES_MAX = 1024 * 1024;
/** Enough to see what is wrong. */
const GLOBAL_WARNINGS_MAX = 20;

/** PAX, global PAX, GNU long name, GNU long link. */
const TYPES: ReadonlySet<string> = new Set(["x", "g", "L", "K"]);

export function isExtended({ type }: Header): boolean {
  return TYPES.has(type);
}

/** Reads the headers whose body says something about the next member. */
export class ExtendedReader {
  readonly #warn: (text: string) => void;
  #buffer = Buffer.alloc(BLOCK_BYTES);
  #type = "";
  #sizeBytes = 0;
  #gotBytes = 0;
  /** What they said since the last member, and in how many bytes. */
  #extended: Extended | undefined;
  #sumBytes = 0;
  readonly #globalKeys = new Set<ByteString>();

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /** Whether a member has to follow. */
  get isPending(): boolean {
    return this.#extended !== undefined;
  }

  start({ type, sizeBytes }: Header): void {
    this.#sumBytes += type === "g" ? 0 : sizeBytes;
    if (sizeBytes < 0 || Math.max(sizeBytes, this.#sumBytes) > EXTENDED_BYTES_MAX)
      throw new Fault(`an extended header is larger than ${EXTENDED_BYTES_MAX} bytes`);
    if (sizeBytes > this.#buffer.length) this.#buffer = Buffer.alloc(sizeBytes);
    this.#type = type;
    this.#sizeBytes = sizeBytes;
    this.#gotBytes = 0;
    if (type !== "g") this.#extended ??= new Extended();
  }

  /** Takes what belongs to the body from `chunk`, from `at` on, and returns how much it was. */
  write(chunk: Buffer, at: number): number {
    const takenBytes = Math.min(chunk.length - at, this.#sizeBytes - this.#gotBytes);
    chunk.copy(this.#buffer, this.#gotBytes, at, at + takenBytes);
    this.#gotBytes += takenBytes;
    return takenBytes;
  }

  get isComplete(): boolean {
    return this.#gotBytes === this.#sizeBytes;
  }

  /** Understands the body, which is complete. */
  end(): void {
    const extended = this.#extended;
    if (this.#type === "g" || extended === undefined) this.#readGlobal();
    else if (this.#type === "x")
      readPax(this.#buffer, this.#sizeBytes, (key, value) => extended.set(key, value));
    else if (this.#type === "L") extended.longName = this.#readName();
    else extended.longLink = this.#readName();
  }

  /** What all of them said about the member that begins now. */
  take(): Extended | undefined {
    const extended = this.#extended;
    this.#extended = undefined;
    this.#sumBytes = 0;
    return extended;
  }

  #readName(): ByteString {
    const nul = this.#buffer.subarray(0, this.#sizeBytes).indexOf(0);
    return byteStringIn(this.#buffer, 0, nul === -1 ? this.#sizeBytes : nul);
  }

  /** Container tools pass these over, GNU tar and bsdtar apply them: what somebody meant may not be what happens here. */
  #readGlobal(): void {
    readPax(this.#buffer, this.#sizeBytes, (key) => {
      const isKnown = key === "comment" || this.#globalKeys.has(key);
      if (isKnown || this.#globalKeys.size === GLOBAL_WARNINGS_MAX) return;
      this.#globalKeys.add(key);
      this.#warn(`a global PAX header sets ${quoted(key)}, which is passed over`);
    });
  }
}
