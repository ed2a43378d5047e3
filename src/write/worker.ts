/** A thread that fetches and unpacks layers. It is told what to do by the messages of protocol.ts, one at a time. */
import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { hashHere, type OutputHash } from "../layer/output-hash.ts";
import { EntryPacker } from "../layer/entry-packer.ts";
import { defined } from "../lib/assert.ts";
import { GarbageCounter } from "../lib/garbage.ts";
import { MiB } from "../lib/units.ts";
import { type LayeredSource, openSource, type SourceRecipe } from "../source/source.ts";
import { part } from "../system/block-file.ts";
import { directOutbox } from "../system/direct-outbox.ts";
import { linuxFiles } from "../system/files.ts";
import { lowerPriority } from "../system/lower-priority.ts";
import { takeRefusedHints } from "../system/hint.ts";
import { openBlockFile } from "../system/linux-block-file.ts";
import { hashInLane } from "./hash-lane.ts";
import { layersOf } from "./layers-of.ts";
import { failureOf, type Reply, type Request, type UnpackTarget } from "./protocol.ts";
import { unpackLayer } from "./unpacker.ts";

declare const self: Worker;

/** So seldom is told how much has come. */
const TOLD_BYTES = MiB;

const stop = new AbortController();

interface Workplace {
  readonly source: LayeredSource;
  readonly writer: DataWriter;
  readonly hash: OutputHash;
}

let workplace: Workplace | undefined;
let last = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "stop") stop.abort();
  // While the last layer is still at work, so that nothing has to be waited for when it has ended.
  const blob =
    data.kind === "unpack" ? workplace?.source.blob(data.blob, { signal: stop.signal }) : undefined;
  const turn = data.kind === "stop" ? last.catch(() => {}) : last;
  last = turn.then(() => answer(data, blob));
  last.catch((error: unknown) => post({ kind: "failed", failure: failureOf(error) }));
});

async function answer(
  request: Request,
  blob: AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  switch (request.kind) {
    case "open":
      if (request.hasLowPriority) lowerPriority((text) => post({ kind: "detail", text }));
      workplace = {
        source: await open(request.source),
        writer: openWriter(request.target),
        hash: request.hash === undefined ? hashHere() : hashInLane(request.hash),
      };
      break;
    case "unpack":
      await unpack(defined(workplace, "workplace"), request, blob);
      break;
    case "finish": {
      const { writer } = defined(workplace, "workplace");
      post({ kind: "finished", ranges: writer.finish() });
      close(writer);
      process.exit();
    }
    case "stop":
      if (workplace !== undefined) close(workplace.writer);
      process.exit();
  }
}

/** Waits for the writes in flight. */
function close(writer: DataWriter): void {
  for (const text of takeRefusedHints()) post({ kind: "detail", text });
  try {
    writer.close();
  } catch (error) {
    post({ kind: "detail", text: `Cannot close the target: ${failureOf(error).message}` });
  }
}

async function open({ text, options }: SourceRecipe): Promise<LayeredSource> {
  return layersOf(
    await openSource(text, { ...options, files: linuxFiles, log, signal: stop.signal }),
  );
}

function log(text: string): void {
  // What there is to say when the source is opened was said by the main thread, which has opened it first.
  if (workplace === undefined) return;
  post({ kind: text.endsWith(", continuing") ? "warning" : "detail", text });
}

function openWriter({ path, offsetBytes, sizeBytes, layout, shared }: UnpackTarget): DataWriter {
  const file = openBlockFile(path, { write: true });
  const target = part(file, { name: path, offsetBytes, sizeBytes });
  return new DataWriter(directOutbox(target), Allocator.attach(layout, shared));
}

async function unpack(
  { source, writer, hash }: Workplace,
  { layer, blob: name }: Extract<Request, { kind: "unpack" }>,
  blob = source.blob(name, { signal: stop.signal }),
): Promise<void> {
  const packer = new EntryPacker();
  const fetched = new Tally(TOLD_BYTES, (bytes) => post(bytes));
  const garbage = new GarbageCounter();
  const onFetched = (bytes: number): void => fetched.add(bytes);
  await unpackLayer(
    blob,
    { layer, signal: stop.signal, onFetched },
    {
      sink: writer,
      hash,
      onEntry: (entry) => {
        packer.add(entry);
        garbage.add(1);
      },
      onWarning: (text) => post({ kind: "warning", text }),
    },
  );
  fetched.tell();
  const entries = packer.finish();
  post(
    { kind: "unpacked", entries },
    entries.map(({ buffer }) => buffer),
  );
}

/** Adds up until it is worth to do something about it. */
class Tally {
  readonly #limit: number;
  readonly #act: (sum: number) => void;
  #sum = 0;

  constructor(limit: number, act: (sum: number) => void) {
    this.#limit = limit;
    this.#act = act;
  }

  add(count: number): void {
    this.#sum += count;
    if (this.#sum >= this.#limit) this.tell();
  }

  tell(): void {
    this.#act(this.#sum);
    this.#sum = 0;
  }
}

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  self.postMessage(reply, transfer);
}
