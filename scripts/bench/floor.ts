/**
 * The least that any program has to do with an image: fetch every blob, check its hash, gunzip it, hash the tar, throw it away. Uses
 * tandem's own decompressor, as many threads as there are cores, and nothing else. `--into FILE` writes the tars there instead of
 * throwing them away, in the way that tandem writes: what is left to tandem then is to know where each byte belongs. Arguments: URL of
 * the blobs, then the digests of the layers; prints the seconds it took and the bytes it saw.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { createInflater } from "../../src/layer/inflate.ts";
import { alignUp } from "../../src/lib/units.ts";
import { directOutbox } from "../../src/system/direct-outbox.ts";
import { createBlockFile, openBlockFile } from "../../src/system/linux-block-file.ts";
import { type Outbox, PARCEL_BYTES } from "../../src/system/outbox.ts";

declare const self: Worker;

interface Task {
  readonly url: string;
  readonly digest: string;
  /** Where the tar goes. */
  readonly into: Place | undefined;
}

interface Place {
  readonly path: string;
  readonly offsetBytes: number;
}

/** Each layer has so much of the file, which is sparse. */
const REGION_BYTES = 2 ** 33;
/** For O_DIRECT. */
const ALIGN_BYTES = 4096;

if (Bun.isMainThread) await main();
else
  self.addEventListener("message", ({ data }: MessageEvent<Task>) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has no origin
    void unpack(data).then((tarBytes) => self.postMessage(tarBytes));
  });

async function main(): Promise<void> {
  const startMs = performance.now();
  const { values, positionals } = parseArgs({
    options: { into: { type: "string" } },
    allowPositionals: true,
  });
  const [base = "", ...digests] = positionals;
  const { into: path } = values;
  // At its full size before, or the kernel makes whoever lets it grow wait for the medium.
  if (path !== undefined) createBlockFile(path, digests.length * REGION_BYTES).close();
  const queue = digests.map((digest, index): Task => {
    const into = path === undefined ? undefined : { path, offsetBytes: index * REGION_BYTES };
    return { url: `${base}/${digest}`, digest, into };
  });
  const threads = Math.min(availableParallelism(), digests.length);
  const sums = await Promise.all(Array.from({ length: threads }, () => drain(queue)));
  const tarBytes = sums.reduce((sum, bytes) => sum + bytes, 0);
  console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000, tarBytes }));
  process.exit(0); // Workers that wait for more would keep the program alive.
}

/** One thread, from the first free layer to the last. */
async function drain(queue: Task[]): Promise<number> {
  const worker = new Worker(import.meta.url);
  let sumBytes = 0;
  for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
    const done = Promise.withResolvers<number>();
    worker.addEventListener("message", ({ data }: MessageEvent<number>) => done.resolve(data), {
      once: true,
    });
    worker.addEventListener("error", ({ message }) => done.reject(new Error(message)), {
      once: true,
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has no origin
    worker.postMessage(task);
    sumBytes += await done.promise;
  }
  return sumBytes;
}

async function unpack({ url, digest, into }: Task): Promise<number> {
  const options: BunFetchRequestInit = {
    decompress: false,
    headers: { "accept-encoding": "identity" },
  };
  const response = await fetch(url, options);
  const [blob, tar] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
  const inflater = createInflater("application/vnd.oci.image.layer.v1.tar+gzip", console.warn);
  const store = into === undefined ? undefined : new Store(into);
  let tarBytes = 0;
  const emit = (bytes: Uint8Array): void => {
    tar.update(bytes);
    store?.write(bytes);
    tarBytes += bytes.byteLength;
  };
  for await (const chunk of response.body ?? []) {
    blob.update(chunk);
    inflater.write(chunk, emit);
  }
  inflater.end(emit);
  store?.end();
  tar.digest();
  if (`sha256:${blob.digest("hex")}` !== digest)
    throw new Error(`Cannot accept ${url}: wrong hash`);
  return tarBytes;
}

/** Writes what it is given, one after the other. */
class Store {
  readonly #outbox: Outbox;
  #parcel: Uint8Array;
  #usedBytes = 0;
  #offsetBytes: number;

  constructor({ path, offsetBytes }: Place) {
    const file = openBlockFile(path, { write: true });
    this.#outbox = directOutbox(file, { path, offsetBytes: 0 });
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
