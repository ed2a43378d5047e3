import { assert } from "../lib/assert.ts";
import { Fault } from "../tar/fault.ts";

/**
 * The internal object behind a stream of node:zlib. It is no public interface, so `handleOf` checks that it has this
 * form.
 */
interface Handle {
  onerror: (message: string) => void;
  /** Writes two numbers to the state array: the unused bytes of `output` and the unread bytes of `input`. */
  writeSync(
    ...call: [
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputBytes: number,
      output: Uint8Array,
      outputAt: number,
      outputBytes: number,
    ]
  ): void;
  close(): void;
}

const NOTHING = new Uint8Array(0);
/** Z_NO_FLUSH and Z_FINISH of zlib.h. */
const FLUSH = { none: 0, finish: 4 } as const;

/**
 * A decompressor of node:zlib without its stream. A call decodes synchronously into reused memory, which is a third
 * faster than the stream and leaves no garbage. It continues across the ends of gzip members and zstd frames.
 */
export class NativeDecoder {
  /** The first `producedBytes` of it are the output of the last `decode` or `finish`. Valid until the next call. */
  output: Uint8Array = NOTHING;
  producedBytes = 0;
  /** The number of input bytes that the last `decode` has not read. */
  leftBytes = 0;
  readonly #nextBuffer: () => Uint8Array;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  #error: string | undefined;

  /** `nextBuffer` returns the memory for the next output. It must not return memory that is still in use. */
  constructor(format: "gzip" | "zstd", nextBuffer: () => Uint8Array) {
    this.#nextBuffer = nextBuffer;
    // Not imported, because node:zlib loads node's streams: only threads that decompress should wait for that.
    const zlib = process.getBuiltinModule("node:zlib");
    const stream: unknown = format === "gzip" ? zlib.createGunzip() : zlib.createZstdDecompress();
    const { handle, state } = handleOf(stream);
    this.#handle = handle;
    this.#state = state;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- The handle is no EventTarget.
    handle.onerror = (message) => {
      this.#error = message;
    };
  }

  /** Decodes the last `inputBytes` of `input`. While it fills the whole output, call it again for more output. */
  decode(input: Uint8Array, inputBytes: number): void {
    this.#write(FLUSH.none, input, inputBytes);
  }

  /** Tells gzip that the input has ended. Throws when it ends too early. Not for zstd, which does not notice that. */
  finish(): void {
    this.#write(FLUSH.finish, NOTHING, 0);
  }

  /** Frees the memory of the decompressor at once, not at the next garbage collection. */
  close(): void {
    this.#handle.close();
  }

  #write(flush: number, input: Uint8Array, inputBytes: number): void {
    const output = this.#nextBuffer();
    this.output = output;
    const inputAt = input.length - inputBytes;
    this.#handle.writeSync(flush, input, inputAt, inputBytes, output, 0, output.length);
    if (this.#error !== undefined) throw new Fault(`does not decompress: ${this.#error}`);
    const [unusedBytes = 0, leftBytes = 0] = this.#state;
    this.producedBytes = output.length - unusedBytes;
    this.leftBytes = leftBytes;
  }
}

function handleOf(stream: unknown): { handle: Handle; state: Uint32Array } {
  const handle = member(stream, "_handle");
  const state = member(stream, "_writeState");
  assert(state instanceof Uint32Array && state.length === 2, "zlib streams have a _writeState");
  for (const name of ["writeSync", "close"])
    assert(typeof member(handle, name) === "function", `zlib handles have ${name}()`);
  assert(member(handle, "onerror") !== undefined, "zlib handles have onerror");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Checked just above.
  return { handle: handle as Handle, state };
}

function member(of: unknown, name: string): unknown {
  assert(typeof of === "object" && of !== null, `zlib keeps an object to find ${name} in`);
  const value: unknown = Reflect.get(of, name);
  return value;
}
