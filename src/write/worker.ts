/** A thread that fetches and unpacks layers. It processes the messages of protocol.ts one at a time. */
import { Allocator } from "../ext4/allocator.ts";
import { DataWriter } from "../ext4/data-writer.ts";
import { hashHere, type OutputHash } from "../layer/output-hash.ts";
import { EntryPacker } from "../layer/entry-packer.ts";
import { defined } from "../lib/assert.ts";
import { GarbageCounter } from "../lib/garbage.ts";
import { MiB } from "../lib/units.ts";
import { type LayeredSource, openSource, type SourceRecipe } from "../source/source.ts";
import { type BlockFile, part } from "../system/block-file.ts";
import { directOutbox } from "../system/direct-outbox.ts";
import { linuxFiles } from "../system/files.ts";
import { lowerPriority } from "../system/lower-priority.ts";
import { takeRefusedHints } from "../system/hint.ts";
import { openBlockFile } from "../system/linux-block-file.ts";
import { hashInLane } from "./hash-lane.ts";
import { layersOf } from "./layers-of.ts";
import { encodeFailure, type Reply, type Request, type UnpackTarget } from "./protocol.ts";
import { unpackLayer } from "./unpacker.ts";

declare const self: Worker;

/** Progress is reported after this many bytes, to keep messages rare. */
const REPORT_BYTES = MiB;

const stop = new AbortController();

/** The open source and target of this worker. */
interface Workspace {
  readonly source: LayeredSource;
  readonly file: BlockFile;
  readonly writer: DataWriter;
  readonly hash: OutputHash;
}

let workspace: Workspace | undefined;
let last = Promise.resolve();

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  if (data.kind === "stop") stop.abort();
  // Request the blob while the previous layer is still being unpacked, so that its first bytes arrive in time.
  const blob =
    data.kind === "unpack" ? workspace?.source.blob(data.blob, { signal: stop.signal }) : undefined;
  const turn = data.kind === "stop" ? last.catch(() => {}) : last;
  last = turn.then(() => answer(data, blob));
  last.catch((error: unknown) => post({ kind: "failed", failure: encodeFailure(error) }));
});

async function answer(
  request: Request,
  blob: AsyncIterable<Uint8Array> | undefined,
): Promise<void> {
  switch (request.kind) {
    case "open":
      if (request.hasLowPriority) lowerPriority((text) => post({ kind: "detail", text }));
      workspace = {
        source: await open(request.source),
        ...openTarget(request.target),
        hash: request.hash === undefined ? hashHere() : hashInLane(request.hash),
      };
      break;
    case "unpack":
      await unpack(defined(workspace, "workspace"), request, blob);
      break;
    case "finish": {
      const opened = defined(workspace, "workspace");
      post({ kind: "finished", ranges: opened.writer.finish() });
      close(opened);
      process.exit();
    }
    case "stop":
      if (workspace !== undefined) close(workspace);
      process.exit();
  }
}

/** Closes the writer, which waits for its writes in flight, and the target: a descriptor outlives its thread. */
function close({ writer, file }: Workspace): void {
  for (const text of takeRefusedHints()) post({ kind: "detail", text });
  try {
    writer.close();
    file.close();
  } catch (error) {
    post({ kind: "detail", text: `Cannot close the target: ${encodeFailure(error).message}` });
  }
  post({ kind: "closed" });
}

async function open({ text, options }: SourceRecipe): Promise<LayeredSource> {
  return layersOf(
    await openSource(text, { ...options, files: linuxFiles, log, signal: stop.signal }),
  );
}

function log(text: string): void {
  // The main thread has opened the source before and has reported everything about that.
  if (workspace === undefined) return;
  post({ kind: text.endsWith(", continuing") ? "warning" : "detail", text });
}

function openTarget({
  path,
  offsetBytes,
  sizeBytes,
  geometry,
  shared,
}: UnpackTarget): Pick<Workspace, "file" | "writer"> {
  const file = openBlockFile(path, { write: true });
  const target = part(file, { name: path, offsetBytes, sizeBytes });
  const writer = new DataWriter(directOutbox(target), Allocator.attach(geometry, shared));
  return { file, writer };
}

async function unpack(
  { source, writer, hash }: Workspace,
  { layer, blob: name }: Extract<Request, { kind: "unpack" }>,
  blob = source.blob(name, { signal: stop.signal }),
): Promise<void> {
  const packer = new EntryPacker();
  const fetched = new BatchedCount(REPORT_BYTES, (bytes) => post(bytes));
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
  fetched.report();
  const entries = packer.finish();
  post(
    { kind: "unpacked", entries },
    entries.map(({ buffer }) => buffer),
  );
}

/** Sums up counts, and reports the sum when it reaches the limit. */
class BatchedCount {
  readonly #limit: number;
  readonly #onSum: (sum: number) => void;
  #sum = 0;

  constructor(limit: number, onSum: (sum: number) => void) {
    this.#limit = limit;
    this.#onSum = onSum;
  }

  add(count: number): void {
    this.#sum += count;
    if (this.#sum >= this.#limit) this.report();
  }

  report(): void {
    this.#onSum(this.#sum);
    this.#sum = 0;
  }
}

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  self.postMessage(reply, transfer);
}
