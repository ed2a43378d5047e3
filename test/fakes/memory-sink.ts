import type { DataSink, Extent } from "../../src/tar/entry.ts";

interface Run {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/**
 * Stores the data of all files, and gives each file one extent. Throws when its methods are called in the wrong
 * order.
 */
export class MemorySink implements DataSink {
  /** The announced size and the data of each started file, in order. */
  readonly files: { sizeBytes: number; dataBytes: number; runs: Run[] }[] = [];
  #offsetBytes = 0;
  #isOpen = false;

  begin(sizeBytes: number, dataBytes: number): void {
    if (this.#isOpen) throw new Error("begin() before the end() of the file before");
    this.#isOpen = true;
    this.#offsetBytes = 0;
    this.files.push({ sizeBytes, dataBytes, runs: [] });
  }

  seek(offsetBytes: number): void {
    if (offsetBytes < this.#offsetBytes) throw new Error("seek() goes back");
    this.#offsetBytes = offsetBytes;
  }

  write(bytes: Uint8Array): void {
    this.#file().runs.push({ offsetBytes: this.#offsetBytes, bytes: new Uint8Array(bytes) });
    this.#offsetBytes += bytes.length;
  }

  end(): readonly Extent[] {
    const { sizeBytes, dataBytes, runs } = this.#file();
    this.#isOpen = false;
    const gotBytes = runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (gotBytes !== dataBytes) throw new Error(`end() after ${gotBytes} of ${dataBytes} bytes`);
    if (this.#offsetBytes > sizeBytes) throw new Error("data behind the end of the file");
    if (dataBytes === 0) return [];
    const blocks = Math.ceil(sizeBytes / 4096);
    return [{ logicalBlock: 0, physicalBlock: this.files.length - 1, blocks }];
  }

  /** Returns the content of a file with these extents, holes included. */
  contentOf(sizeBytes: number, extents: readonly Extent[]): Uint8Array {
    const content = new Uint8Array(sizeBytes);
    for (const { physicalBlock } of extents)
      for (const run of this.files[physicalBlock]?.runs ?? [])
        content.set(run.bytes, run.offsetBytes);
    return content;
  }

  #file(): (typeof this.files)[number] {
    const file = this.files.at(-1);
    if (file === undefined || !this.#isOpen) throw new Error("no file was begun");
    return file;
  }
}
