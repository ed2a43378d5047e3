import type { WrittenRange } from "../ext4/written-range.ts";
import { LayerEntries } from "../layer/layer-entries.ts";
import type { PackedEntries } from "../layer/packed-form.ts";
import { assert } from "../lib/assert.ts";
import { errorOf, type Reply, type Request, type WorkerPlace } from "./protocol.ts";
import type { Unpacker, UnpackTask } from "./unpacker.ts";

type Answer = Extract<Reply, { kind: "unpacked" | "finished" }>;

/** Fetches and unpacks in a thread of its own: a byte of a layer is in no other thread on its way from the registry to the target. */
export function unpackInWorker(place: WorkerPlace, onDetail: (text: string) => void): Unpacker {
  const channel = new Channel(onDetail);
  channel.send({ kind: "open", ...place });
  return {
    unpack: async (task) => new LayerEntries(await channel.unpack(task)),
    finish: () => channel.finish(),
    close: () => channel.close(),
  };
}

/** What was asked and has no answer yet. */
interface Question extends PromiseWithResolvers<Answer> {
  /** Of the layer it is about. */
  readonly task: UnpackTask | undefined;
}

/** One worker: it answers in the order in which it is asked, and the first failure is the answer to everything. */
class Channel {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url).href);
  readonly #onDetail: (text: string) => void;
  /** The first one is the one that is at work. */
  #questions: Question[] = [];
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
    // It ends by itself when it has tidied up, and all is written.
    this.#ended.resolve();
    return answer.ranges;
  }

  /** terminate() would leave writes in flight, which then land in a target that is no longer locked. */
  async close(): Promise<void> {
    this.send({ kind: "stop" });
    await this.#ended.promise;
  }

  #ask(request: Request, task?: UnpackTask): Promise<Answer> {
    const question = { ...Promise.withResolvers<Answer>(), task };
    if (this.#failure === undefined) {
      this.#questions.push(question);
      this.send(request);
    } else question.reject(this.#failure);
    return question.promise;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#questions.splice(0)) reject(this.#failure);
  }

  #take(reply: Reply): void {
    const task = this.#questions[0]?.task;
    if (typeof reply === "number") {
      task?.onFetched(reply);
      return;
    }
    switch (reply.kind) {
      case "warning":
        task?.onWarning(reply.text);
        break;
      case "detail":
        this.#onDetail(reply.text);
        break;
      case "unpacked":
      case "finished":
        this.#questions.shift()?.resolve(reply);
        break;
      case "failed":
        this.#fail(errorOf(reply.failure));
        break;
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
