/**
 * The floor: the least work that any program has with an image. It fetches every blob, checks its hash, decompresses it,
 * hashes the tar and discards it, with tandem's own decompressor and a thread for each core. Arguments: "-" or a file to
 * write the tars to, the URL of the blobs, then the digests of the layers. Prints the seconds and the bytes.
 */
import { availableParallelism } from "node:os";

import { createInflater } from "../../src/layer/inflate.ts";
import type { Place } from "./tar-store.ts";

declare const self: Worker;

interface Task {
  readonly url: string;
  readonly digest: string;
  /** The file for the tar. */
  readonly into: Place | undefined;
}

/** The part of the sparse file for each layer. */
const REGION_BYTES = 2 ** 33;

if (Bun.isMainThread) await main(process.argv.slice(2));
else
  self.addEventListener("message", ({ data }: MessageEvent<Task>) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's has no origin
    void unpack(data).then((tarBytes) => self.postMessage(tarBytes));
  });

async function main([path = "-", base = "", ...digests]: string[]): Promise<void> {
  const startMs = performance.now();
  const queue = digests.map((digest, index): Task => {
    const into = path === "-" ? undefined : { path, offsetBytes: index * REGION_BYTES };
    return { url: `${base}/${digest}`, digest, into };
  });
  const threads = Math.min(availableParallelism(), digests.length);
  const sums = await Promise.all(Array.from({ length: threads }, () => drain(queue)));
  const tarBytes = sums.reduce((sum, bytes) => sum + bytes, 0);
  console.log(JSON.stringify({ seconds: (performance.now() - startMs) / 1000, tarBytes }));
  process.exit(0); // Workers that wait for more would keep the program alive.
}

/** Runs one thread until no layer is left. */
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
  const store = into && new (await import("./tar-store.ts")).TarStore(into);
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
