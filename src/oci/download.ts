import { TandemError } from "../lib/error.ts";
import { KiB } from "../lib/units.ts";
import { type Attempts, TooSlow, Transient } from "./attempts.ts";
import { parseContentRange } from "./content-range.ts";
import type { Answer } from "./transport.ts";

/** A try that gained this much, and not too slowly, was none of the failures in a row. */
const PROGRESS_BYTES = 16 * KiB;

export interface DownloadOptions {
  readonly sizeBytes: number;
  /** Asks for the blob from a byte on: a success (200 or 206), or it throws. */
  readonly open: (offsetBytes: number) => Promise<Answer>;
  readonly attempts: Attempts;
  /** Bytes a second. Without it a server that breaks off again and again could take as long as it likes. */
  readonly minimumRate: number;
  /** A clock that never jumps. */
  readonly nowMs?: () => number;
  /** "sha256:… of r.io/app" */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a blob in order, each once, however often the connection breaks. Their number may still be wrong: what comes is passed
 * on, for verified() to judge. The blob is asked for at once, and a chunk is there until the next one is asked for.
 */
export function download(options: DownloadOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const answer = options.sizeBytes > 0 ? options.open(0) : undefined;
  // Who goes through the bytes hears of it.
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
 * Frees the memory of a chunk that nobody looks at any more, and the next one gets it again. Left to the collector, chunks go through
 * ever more fresh pages: these were half of all page faults of a write.
 */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** How many bytes at the start of the body we have already. Throws when the body is not what was asked for. */
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

/** A range may end early, then we ask for the rest; it must begin where we are. */
function rangeFault(
  range: ReturnType<typeof parseContentRange>,
  offsetBytes: number,
  sizeBytes: number,
): string | undefined {
  if (range === undefined) return "it answers a part without saying which";
  if (range.firstByte !== offsetBytes || range.lastByte >= sizeBytes)
    return `want its bytes from ${offsetBytes} on, got ${range.firstByte} to ${range.lastByte}`;
  if (range.totalBytes !== undefined && range.totalBytes !== sizeBytes)
    return `want ${sizeBytes} bytes in all, it has ${range.totalBytes}`;
  return undefined;
}

function lengthFault(answer: Answer, sizeBytes: number): string | undefined {
  const declared = answer.headers.get("content-length");
  if (declared === null || Number(declared) === sizeBytes) return undefined;
  return `want ${sizeBytes} bytes, it has ${answer.quote(declared)}${encodingNote(answer)}`;
}

/** For messages: someone on the way may have packed the blob once more. */
export function encodingNote(answer: Answer): string {
  const encoding = answer.headers.get("content-encoding") ?? "identity";
  if (encoding === "identity") return "";
  return ` (a proxy seems to change it: Content-Encoding is ${answer.quote(encoding)})`;
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
