/** The part of the floor that writes, in a file of its own: a floor that does not write need not load it. */
import { alignUp } from "../../src/lib/units.ts";
import { directOutbox } from "../../src/system/direct-outbox.ts";
import { openBlockFile } from "../../src/system/linux-block-file.ts";
import { type Outbox, PARCEL_BYTES } from "../../src/system/outbox.ts";

export interface Place {
  readonly path: string;
  readonly offsetBytes: number;
}

/** For O_DIRECT. */
const ALIGN_BYTES = 4096;

/** Writes chunks one after another, in the same way as tandem. */
export class TarStore {
  readonly #outbox: Outbox;
  #parcel: Uint8Array;
  #usedBytes = 0;
  #offsetBytes: number;

  constructor({ path, offsetBytes }: Place) {
    const file = openBlockFile(path, { write: true });
    this.#outbox = directOutbox(file);
    this.#parcel = this.#outbox.take();
    this.#offsetBytes = offsetBytes;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const piece = bytes.subarray(at, at + PARCEL_BYTES - this.#usedBytes);
      this.#parcel.set(piece, this.#usedBytes);
      this.#usedBytes += piece.byteLength;
      at += piece.byteLength;
      if (this.#usedBytes === PARCEL_BYTES) this.#send();
    }
  }

  end(): void {
    this.#send();
    this.#outbox.settle();
  }

  #send(): void {
    if (this.#usedBytes === 0) return;
    this.#outbox.send(this.#offsetBytes, alignUp(this.#usedBytes, ALIGN_BYTES));
    this.#parcel = this.#outbox.take();
    this.#offsetBytes += this.#usedBytes;
    this.#usedBytes = 0;
  }
}
