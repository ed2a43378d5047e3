import type { WrittenRange } from "../ext4/written-range.ts";
import type { Entry } from "../layer/entry.ts";
import { assert } from "../lib/assert.ts";
import { MiB } from "../lib/units.ts";
import { errorOf, type Reply, type Request, type UnpackTarget } from "./protocol.ts";
import type { Unpacker } from "./unpacker.ts";

/** Enough that a worker never waits for the next message, little enough that memory stays bounded whatever a layer's size. */
const IN_FLIGHT_BYTES_MAX = 4 * MiB;

/** Unpacks in a thread of its own, which opens and writes the target by itself. */
export function unpackInWorker(target: UnpackTarget, onWarning: (text: string) => void): Unpacker {
  const channel = new Channel(onWarning);
  channel.send({ kind: "open", target });
  return {
    async unpack(layer, blob) {
      channel.send({ kind: "layer", layer });
      for await (const chunk of blob) await channel.feed(chunk);
      return channel.end();
    },
    finish: () => channel.finish(),
    close: () => channel.close(),
  };
}

/** One worker and what it has answered so far. */
class Channel {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url).href);
  readonly #onWarning: (text: string) => void;
  #entries: Entry[] = [];
  #inFlightBytes = 0;
  #failure: Error | undefined;
  #ranges: WrittenRange[] | undefined;
  #ended = false;
  #wake: () => void = () => {};

  constructor(onWarning: (text: string) => void) {
    this.#onWarning = onWarning;
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
      this.#take(data);
      this.#wake();
    });
    this.#worker.addEventListener("error", (event) => {
      this.#failure ??= new Error(`Worker failed: ${event.message}`);
      this.#wake();
    });
  }

  send(request: Request): void {
    this.#worker.postMessage(request);
  }

  /** Gives the chunk away, and waits while too much is under way. */
  async feed(chunk: Uint8Array): Promise<void> {
    assert(chunk.buffer instanceof ArrayBuffer, "a chunk lies in memory that can be given away");
    assert(chunk.byteLength === chunk.buffer.byteLength, "a chunk owns its whole buffer");
    this.#inFlightBytes += chunk.byteLength;
    this.#worker.postMessage(chunk, [chunk.buffer]);
    await this.#until(() => this.#inFlightBytes <= IN_FLIGHT_BYTES_MAX);
  }

  async end(): Promise<Entry[]> {
    this.#ended = false;
    this.send({ kind: "end" });
    await this.#until(() => this.#ended);
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  async finish(): Promise<WrittenRange[]> {
    this.send({ kind: "finish" });
    await this.#until(() => this.#ranges !== undefined);
    return this.#ranges ?? [];
  }

  close(): void {
    this.#worker.terminate();
  }

  #take(reply: Reply): void {
    if (typeof reply === "number") {
      this.#inFlightBytes -= reply;
      return;
    }
    switch (reply.kind) {
      case "entries":
        for (const entry of reply.entries) this.#entries.push(entry);
        break;
      case "warning":
        this.#onWarning(reply.text);
        break;
      case "ended":
        this.#ended = true;
        break;
      case "finished":
        this.#ranges = reply.ranges;
        break;
      case "failed":
        this.#failure ??= errorOf(reply.failure);
        break;
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.#failure === undefined && !condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    if (this.#failure !== undefined) throw this.#failure;
  }
}
