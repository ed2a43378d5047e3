import type { WrittenRange } from "../ext4/written-range.ts";
import { LayerEntries } from "../layer/layer-entries.ts";
import type { PackedEntries } from "../layer/packed-form.ts";
import { assert } from "../lib/assert.ts";
import { decodeFailure, type Reply, type Request, type WorkerSetup } from "./protocol.ts";
import type { Unpacker, UnpackTask } from "./unpacker.ts";

type WorkerAnswer = Extract<Reply, { kind: "unpacked" | "finished" }>;

/** Fetches and unpacks in a new thread. The bytes of a layer go from the registry to the target inside that thread. */
export function unpackInWorker(setup: WorkerSetup, onDetail: (text: string) => void): Unpacker {
  const channel = new Channel(onDetail);
  channel.send({ kind: "open", ...setup });
  return {
    unpack: async (task) => new LayerEntries(await channel.unpack(task)),
    finish: () => channel.finish(),
    close: () => channel.close(),
  };
}

/** A request without an answer yet. */
interface PendingRequest extends PromiseWithResolvers<WorkerAnswer> {
  /** The layer of an "unpack" request. */
  readonly task: UnpackTask | undefined;
}

/**
 * The connection to one worker. The worker answers requests in order. The first failure answers all pending and later
 * requests.
 */
class Channel {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url).href);
  readonly #onDetail: (text: string) => void;
  /** The worker processes the first one. */
  #pending: PendingRequest[] = [];
  #failure: Error | undefined;
  readonly #ended = Promise.withResolvers<void>();

  constructor(onDetail: (text: string) => void) {
    this.#onDetail = onDetail;
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.#take(data));
    this.#worker.addEventListener("close", () => this.#ended.resolve());
    this.#worker.addEventListener("error", ({ message }) =>
      this.#fail(new Error(`Worker failed: ${message}`)),
    );
  }

  send(request: Request): void {
    this.#worker.postMessage(request);
  }

  async unpack(task: UnpackTask): Promise<PackedEntries> {
    const { layer, blob, signal } = task;
    const stop = (): void => this.#fail(asError(signal.reason));
    signal.throwIfAborted();
    signal.addEventListener("abort", stop);
    try {
      const answer = await this.#ask({ kind: "unpack", layer, blob }, task);
      assert(answer.kind === "unpacked", "the answer is to the request");
      return answer.entries;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async finish(): Promise<WrittenRange[]> {
    const answer = await this.#ask({ kind: "finish" });
    assert(answer.kind === "finished", "the answer is to the request");
    return answer.ranges;
  }

  /** Does not use terminate(): writes in flight could then reach the target after its lock is released. */
  async close(): Promise<void> {
    this.send({ kind: "stop" });
    await this.#ended.promise;
  }

  #ask(request: Request, task?: UnpackTask): Promise<WorkerAnswer> {
    const pending = { ...Promise.withResolvers<WorkerAnswer>(), task };
    if (this.#failure === undefined) {
      this.#pending.push(pending);
      this.send(request);
    } else pending.reject(this.#failure);
    return pending.promise;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }

  #take(reply: Reply): void {
    const task = this.#pending[0]?.task;
    if (typeof reply === "number") {
      task?.onFetched(reply);
      return;
    }
    switch (reply.kind) {
      // A file that is still open would keep a mounted file system busy. The thread itself may take longer to end.
      case "closed":
        this.#ended.resolve();
        break;
      case "warning":
        task?.onWarning(reply.text);
        break;
      case "detail":
        this.#onDetail(reply.text);
        break;
      case "unpacked":
      case "finished":
        this.#pending.shift()?.resolve(reply);
        break;
      case "failed":
        this.#fail(decodeFailure(reply.failure));
        break;
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
