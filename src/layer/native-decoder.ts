import { assert } from "../lib/assert.ts";
import { Fault } from "../tar/fault.ts";

/** What node:zlib keeps behind its streams. Not a public interface: `handleOf` checks that it is what is described here. */
interface Handle {
  onerror: (message: string) => void;
  /** Leaves the room left in `output` and the bytes left of `input` in the state array. */
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
 * A decompressor of node:zlib without its stream around it: a call decodes at once into memory that is used again, which is a
 * third faster than the stream and leaves no garbage. Reads on over the ends of gzip members and zstd frames.
 */
export class NativeDecoder {
  /** What `decode` and `finish` have decoded, from 0 on. Valid until the next call. */
  output: Uint8Array = NOTHING;
  producedBytes = 0;
  /** How much of its input the last `decode` has left. */
  leftBytes = 0;
  readonly #room: () => Uint8Array;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  #error: string | undefined;

  /** `room` gives the memory for the next output, never twice while the last one is in use. */
  constructor(format: "gzip" | "zstd", room: () => Uint8Array) {
    this.#room = room;
    // Not imported: it brings streams along, and only a thread that decompresses should wait for them.
    const zlib = process.getBuiltinModule("node:zlib");
    const stream: unknown = format === "gzip" ? zlib.createGunzip() : zlib.createZstdDecompress();
    const { handle, state } = handleOf(stream);
    this.#handle = handle;
    this.#state = state;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- It is a plain function of the handle.
    handle.onerror = (message) => {
      this.#error = message;
    };
  }

  /** Decodes from the last `inputBytes` of `input`. There is more to come as long as the whole output was filled. */
  decode(input: Uint8Array, inputBytes: number): void {
    this.#write(FLUSH.none, input, inputBytes);
  }

  /** Says to gzip that there is no more input. Throws when that is too early; zstd would not know. */
  finish(): void {
    this.#write(FLUSH.finish, NOTHING, 0);
  }

  /** Frees the memory of the decompressor now and not when the collector comes. */
  close(): void {
    this.#handle.close();
  }

  #write(flush: number, input: Uint8Array, inputBytes: number): void {
    const output = this.#room();
    this.output = output;
    const inputAt = input.length - inputBytes;
    this.#handle.writeSync(flush, input, inputAt, inputBytes, output, 0, output.length);
    if (this.#error !== undefined) throw new Fault(`does not decompress: ${this.#error}`);
    const [roomBytes = 0, leftBytes = 0] = this.#state;
    this.producedBytes = output.length - roomBytes;
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
