import type { ByteString } from "../lib/byte-string.ts";
import { Body } from "./body.ts";
import type { DataSink, Entry } from "./entry.ts";
import type { Extended } from "./extended.ts";
import { ExtendedReader, isExtended } from "./extended-reader.ts";
import { Fault } from "./fault.ts";
import { MiB } from "../lib/units.ts";
import { TAR_BLOCK_BYTES, checkBlock, type Header, parseHeader } from "./header.ts";
import { entryOf, nameOf } from "./member.ts";

export interface TarOptions {
  readonly sink: DataSink;
  readonly onEntry: (entry: Entry) => void;
  readonly onWarning: (text: string) => void;
  /** The most data that one file may have. */
  readonly dataBytesMax: number;
  /** Whether the data of the file at this path is to be written. */
  readonly wantsData: (path: ByteString) => boolean;
}

/** Ten times as many as the largest images have. Each entry takes memory until the file system is written. */
const ENTRIES_MAX = 4_000_000;

/**
 * The limit for names, targets and attributes of all entries, which stay in memory too. Four times what the largest
 * images have.
 */
const TEXT_BYTES_MAX = 128 * MiB;

/**
 * What the next bytes are. Headers and maps are read in whole blocks. "trailer" is everything after the end of the
 * archive.
 */
type NextBytes = "header" | "extended" | "map" | "body" | "padding" | "trailer";

/**
 * Reads a tar archive (v7, ustar, PAX, GNU, star) as a stream, in chunks of any size. Data goes to the sink. A complete
 * member becomes an entry. Throws a Fault at the first error and does not try to continue after it.
 */
export class TarReader {
  /** The member that is being read, for messages. */
  path: ByteString | undefined;
  readonly #options: TarOptions;
  readonly #extended: ExtendedReader;
  readonly #body: Body;
  #place: NextBytes = "header";
  /** Collects a block that is spread over several chunks. */
  readonly #block = Buffer.alloc(TAR_BLOCK_BYTES);
  #blockBytes = 0;
  /** The padding after the current body; while it is being skipped, the rest of it. */
  #paddingBytes = 0;
  #zeroBlocks = 0;
  #entries = 0;
  #textBytes = 0;
  /** The file whose body is being read. Undefined when the file is ignored. */
  #file: (Entry & { kind: "file" }) | undefined;

  constructor(options: TarOptions) {
    this.#options = options;
    this.#extended = new ExtendedReader(options.onWarning);
    this.#body = new Body(options.sink);
  }

  /** The number of the current member, from 1, for messages. Undefined after the end of the archive. */
  get number(): number | undefined {
    return this.#place === "trailer" ? undefined : this.#entries + 1;
  }

  write(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < chunk.length) at += this.#take(chunk, at);
  }

  /**
   * Throws a Fault when the archive is cut off. Zero blocks and padding at its end may be missing: some programs do not
   * write them.
   */
  end(): void {
    const isBetween = this.#place === "header" && this.#blockBytes === 0;
    const isComplete = isBetween || this.#place === "padding" || this.#place === "trailer";
    if (!isComplete || this.#extended.isPending) throw new Fault("the archive is cut off");
  }

  /** Returns how many bytes it used, at least one. */
  #take(chunk: Buffer, at: number): number {
    switch (this.#place) {
      case "header":
      case "map":
        return this.#takeBlock(chunk, at);
      case "extended":
        return this.#takeExtended(chunk, at);
      case "body":
        return this.#takeBody(chunk, at);
      case "padding":
        return this.#takePadding(chunk.length - at);
      case "trailer":
        return chunk.length - at;
    }
  }

  #takeBlock(chunk: Buffer, at: number): number {
    if (this.#blockBytes === 0 && chunk.length - at >= TAR_BLOCK_BYTES) {
      this.#readBlock(chunk, at);
      return TAR_BLOCK_BYTES;
    }
    const takenBytes = Math.min(TAR_BLOCK_BYTES - this.#blockBytes, chunk.length - at);
    chunk.copy(this.#block, this.#blockBytes, at, at + takenBytes);
    this.#blockBytes += takenBytes;
    if (this.#blockBytes === TAR_BLOCK_BYTES) {
      this.#blockBytes = 0;
      this.#readBlock(this.#block, 0);
    }
    return takenBytes;
  }

  #takeExtended(chunk: Buffer, at: number): number {
    const takenBytes = this.#extended.write(chunk, at);
    if (this.#extended.isComplete) this.#endExtended();
    return takenBytes;
  }

  #takeBody(chunk: Buffer, at: number): number {
    const takenBytes = this.#body.write(chunk, at);
    if (this.#body.isComplete) this.#endBody();
    return takenBytes;
  }

  #takePadding(availableBytes: number): number {
    const takenBytes = Math.min(this.#paddingBytes, availableBytes);
    this.#paddingBytes -= takenBytes;
    if (this.#paddingBytes === 0) this.#place = "header";
    return takenBytes;
  }

  #readBlock(block: Buffer, at: number): void {
    if (this.#place === "map") {
      this.#body.readMapBlock(block, at);
      return this.#enterBody();
    }
    if (checkBlock(block, at) === "end") return this.#readZeroBlock();
    if (this.#zeroBlocks > 0) throw new Fault("there is a header behind the end of the archive");
    const header = parseHeader(block, at);
    if (isExtended(header)) this.#startExtended(header);
    else this.#startMember(header, block, at);
  }

  /** Two zero blocks end the archive. One is enough at the end of the stream. */
  #readZeroBlock(): void {
    if (this.#extended.isPending) throw new Fault("the archive ends where a member has to follow");
    this.#zeroBlocks += 1;
    if (this.#zeroBlocks === 2) this.#place = "trailer";
  }

  #startExtended(header: Header): void {
    this.#extended.start(header);
    this.#paddingBytes = paddingOf(header.sizeBytes);
    this.#place = "extended";
    if (this.#extended.isComplete) this.#endExtended();
  }

  #endExtended(): void {
    this.#extended.end();
    this.#enterPadding();
  }

  #startMember(header: Header, block: Buffer, at: number): void {
    if (this.#entries === ENTRIES_MAX)
      throw new Fault(`the layer has more than ${ENTRIES_MAX} entries`);
    const extended = this.#extended.take();
    const name = nameOf(header, extended);
    this.path = name;
    const entry = entryOf(header, name, extended);
    this.path = entry.path;
    for (const text of extended?.warnings ?? []) this.#options.onWarning(text);
    const isWanted = entry.path !== "" || entry.kind === "directory" || this.#isRoot(entry, name);
    if (entry.kind === "file") {
      this.#file = isWanted ? entry : undefined;
      this.#startBody(header, extended, { block, at });
    } else this.#endMember(isWanted ? entry : undefined);
  }

  /** Only a directory can be the root. A member with an empty name is ignored, as containerd does. */
  #isRoot({ kind }: Entry, name: ByteString): false {
    if (name !== "") throw new Fault(`it is a ${kind} in the place of the root directory`);
    this.#options.onWarning(`it is a ${kind} without a name and is ignored`);
    return false;
  }

  #startBody(header: Header, extended: Extended | undefined, { block, at }: BlockAt): void {
    const bodyBytes = extended?.sizeBytes ?? header.sizeBytes;
    if (bodyBytes < 0) throw new Fault("its size is negative");
    if (bodyBytes > this.#options.dataBytesMax)
      throw new Fault(
        `it has ${bodyBytes} bytes, the layer may have ${this.#options.dataBytesMax}`,
      );
    this.#paddingBytes = paddingOf(bodyBytes);
    if (this.#file === undefined || !this.#options.wantsData(this.#file.path))
      this.#body.startSkipping(bodyBytes);
    else this.#body.start({ header, extended, bodyBytes }, block, at);
    this.#enterBody();
  }

  #enterBody(): void {
    this.#place = this.#body.isInMap ? "map" : "body";
    if (this.#body.isComplete) this.#endBody();
  }

  #endBody(): void {
    const extents = this.#body.end();
    const { sizeBytes } = this.#body;
    this.#endMember(this.#file === undefined ? undefined : { ...this.#file, sizeBytes, extents });
    this.#enterPadding();
  }

  #endMember(entry: Entry | undefined): void {
    if (entry !== undefined) this.#keep(entry);
    this.#entries += 1;
    this.path = undefined;
  }

  #keep(entry: Entry): void {
    this.#textBytes += textBytesOf(entry);
    if (this.#textBytes > TEXT_BYTES_MAX)
      throw new Fault(`the layer has more than ${TEXT_BYTES_MAX} bytes of names and attributes`);
    this.#options.onEntry(entry);
  }

  #enterPadding(): void {
    this.#place = this.#paddingBytes === 0 ? "header" : "padding";
  }
}

interface BlockAt {
  readonly block: Buffer;
  readonly at: number;
}

function textBytesOf(entry: Entry): number {
  let bytes = entry.path.length;
  if (entry.kind === "symlink" || entry.kind === "hardlink") bytes += entry.target.length;
  for (const { name, value } of entry.xattrs) bytes += name.length + value.length;
  return bytes;
}

function paddingOf(bodyBytes: number): number {
  return (TAR_BLOCK_BYTES - (bodyBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}
