import type { ByteString } from "../lib/byte-string.ts";
import { Extended } from "./extended.ts";
import { Fault, quoted } from "./fault.ts";
import { byteStringIn } from "./field.ts";
import { TAR_BLOCK_BYTES, type Header } from "./header.ts";
import { readPax } from "./pax.ts";

/**
 * The limit for all extended headers of one member together, as in Go's archive/tar. The header alone decides how much
 * memory is allocated, before the body arrives.
 */
const EXTENDED_BYTES_MAX = 1024 * 1024;
/** At most this many keys are named: enough to see what is wrong. */
const GLOBAL_WARNINGS_MAX = 20;

/** PAX, global PAX, GNU long name, GNU long link. */
const TYPES: ReadonlySet<string> = new Set(["x", "g", "L", "K"]);

export function isExtended({ type }: Header): boolean {
  return TYPES.has(type);
}

/** Reads extended headers: those whose body describes the next member. */
export class ExtendedReader {
  readonly #warn: (text: string) => void;
  #buffer = Buffer.alloc(TAR_BLOCK_BYTES);
  #type = "";
  #sizeBytes = 0;
  #gotBytes = 0;
  /** The content of the extended headers since the last member, and their size. */
  #extended: Extended | undefined;
  #sumBytes = 0;
  readonly #globalKeys = new Set<ByteString>();

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /** Whether extended headers were read whose member is still to come. */
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

  /** Reads the header's body from `chunk`, starting at the offset `at`. Returns the number of bytes it used. */
  write(chunk: Buffer, at: number): number {
    const takenBytes = Math.min(chunk.length - at, this.#sizeBytes - this.#gotBytes);
    chunk.copy(this.#buffer, this.#gotBytes, at, at + takenBytes);
    this.#gotBytes += takenBytes;
    return takenBytes;
  }

  get isComplete(): boolean {
    return this.#gotBytes === this.#sizeBytes;
  }

  /** Parses the complete body. */
  end(): void {
    const extended = this.#extended;
    if (this.#type === "g" || extended === undefined) this.#readGlobal();
    else if (this.#type === "x")
      readPax(this.#buffer, this.#sizeBytes, (key, value) => extended.set(key, value));
    else if (this.#type === "L") extended.longName = this.#readName();
    else extended.longLink = this.#readName();
  }

  /** Returns the content of all extended headers of the member that begins now. Undefined: there were none. */
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

  /**
   * Ignores a global header, as container tools do. GNU tar and bsdtar apply it, so the author of the image may expect
   * another result: warn.
   */
  #readGlobal(): void {
    readPax(this.#buffer, this.#sizeBytes, (key) => {
      const isKnown = key === "comment" || this.#globalKeys.has(key);
      if (isKnown || this.#globalKeys.size === GLOBAL_WARNINGS_MAX) return;
      this.#globalKeys.add(key);
      this.#warn(`a global PAX header sets ${quoted(key)}, which is ignored`);
    });
  }
}
