import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { type Attempts, TooSlow, Transient } from "./attempts.ts";
import { parseContentRange } from "./content-range.ts";
import type { Answer } from "./transport.ts";

/** An attempt that brought this much, at the minimum rate, does not count as a failure in a row. */
const PROGRESS_BYTES = 16 * KiB;

export interface DownloadOptions {
  readonly sizeBytes: number;
  /** Requests the blob from this offset on. Returns an answer of status 200 or 206, or throws. */
  readonly open: (offsetBytes: number) => Promise<Answer>;
  readonly attempts: Attempts;
  /** Bytes a second. It limits a server that sends a little and breaks the connection again and again. */
  readonly minimumRate: number;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
  /** "sha256:… of r.io/app" */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields the bytes of a blob in order, each once, however often the connection breaks. verified() checks their number and
 * digest. The request is sent at once. A chunk is valid until the next one is requested.
 */
export function download(options: DownloadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const answer = options.sizeBytes > 0 ? options.open(0) : undefined;
  // bytesOf() reports the error when the bytes are read.
  answer?.catch(() => {});
  return bytesOf(options, answer);
}

async function* bytesOf(
  options: DownloadOptions,
  first: Promise<Answer> | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { sizeBytes, open, attempts, minimumRate, signal } = options;
  const nowMs = options.nowMs ?? (() => performance.now());
  let asked = first;
  let offsetBytes = 0;
  while (offsetBytes < sizeBytes) {
    const startBytes = offsetBytes;
    const startMs = nowMs();
    let consumerMs = 0;
    try {
      const answering = asked ?? open(offsetBytes);
      asked = undefined;
      const answer = await answering;
      const surplus = surplusBytes(answer, startBytes, options);
      for await (const chunk of surplus === 0 ? answer.bytes() : without(answer.bytes(), surplus)) {
        offsetBytes += chunk.byteLength;
        const yieldedMs = nowMs();
        yield chunk;
        consumerMs += nowMs() - yieldedMs;
        release(chunk);
      }
      if (offsetBytes < sizeBytes)
        throw new Transient(`the end after ${offsetBytes} of ${sizeBytes} bytes`);
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      if (offsetBytes >= sizeBytes) return;
      const wantedBytes = (minimumRate * (nowMs() - startMs - consumerMs)) / 1000;
      const isProgress = offsetBytes - startBytes >= Math.max(PROGRESS_BYTES, wantedBytes);
      if (isProgress && !(error instanceof TooSlow)) attempts.progressed();
      await attempts.failed(error, signal);
    }
  }
}

/**
 * Frees the memory of a chunk at once, so that the next chunk reuses it. Freed by the garbage collector, each chunk would
 * take fresh pages: these were half of all page faults of a write.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** Returns how many bytes at the start of the body are known already. Throws when the answer does not fit the request. */
function surplusBytes(
  answer: Answer,
  offsetBytes: number,
  { sizeBytes, what }: DownloadOptions,
): number {
  const isPartial = answer.status === 206;
  const range = isPartial
    ? parseContentRange(answer.headers.get("content-range") ?? "")
    : undefined;
  const why = isPartial
    ? rangeFault(range, offsetBytes, sizeBytes)
    : lengthFault(answer, sizeBytes);
  if (why === undefined) return isPartial ? 0 : offsetBytes;
  answer.discard();
  throw new TandemError("content", `Cannot accept ${what} from ${answer.host}: ${why}`);
}

/** A range must begin at the offset. It may end early: the next request asks for the rest. */
function rangeFault(
  range: ReturnType<typeof parseContentRange>,
  offsetBytes: number,
  sizeBytes: number,
): string | undefined {
  if (range === undefined) return "the answer is a part without Content-Range";
  if (range.firstByte !== offsetBytes || range.lastByte >= sizeBytes)
    return `want its bytes from ${offsetBytes}, got ${range.firstByte} to ${range.lastByte}`;
  if (range.totalBytes !== undefined && range.totalBytes !== sizeBytes)
    return `want ${sizeBytes} bytes in total, it has ${range.totalBytes}`;
  return undefined;
}

function lengthFault(answer: Answer, sizeBytes: number): string | undefined {
  const declared = answer.headers.get("content-length");
  if (declared === null || Number(declared) === sizeBytes) return undefined;
  return `want ${sizeBytes} bytes, it has ${answer.quote(declared)}${encodingNote(answer)}`;
}

/** A note for messages: a proxy may have compressed the blob again. */
export function encodingNote(answer: Answer): string {
  const encoding = answer.headers.get("content-encoding") ?? "identity";
  if (encoding === "identity") return "";
  return ` (a proxy seems to compress it: Content-Encoding is ${answer.quote(encoding)})`;
}

async function* without(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = count;
  for await (const chunk of bytes) {
    const size = chunk.byteLength;
    if (left === 0) yield chunk;
    else if (left < size) yield chunk.slice(left);
    left = Math.max(0, left - size);
  }
}
