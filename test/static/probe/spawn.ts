/** Lets `count` workers square a number each, at the same time. A worker is stopped after its answer. */
export function squares(count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => square(index)));
}

async function square(value: number): Promise<number> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  worker.addEventListener("message", ({ data }: MessageEvent<number>) => resolve(data));
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.postMessage(value);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
