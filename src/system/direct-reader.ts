import { closeSync, constants, openSync, read } from "node:fs";
import { promisify } from "node:util";
import { errnoOf } from "./failure.ts";

const readSome = promisify(read);

/**
 * Reads an open file or device once more from its medium: with O_DIRECT the device puts the bytes where they are wanted, and the page
 * cache, which costs a copy and the memory, is left out. What only the cache has is written to the medium first. See open(2).
 */
export class DirectReader {
  readonly #fd: number;
  /** Opened by the first read: most files are never read so. undefined: the file system has no such reads. */
  #direct: { readonly fd: number | undefined } | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * How many bytes a thread of the runtime read into `target`; 0 at the end of the file. undefined: not with O_DIRECT, here or at all.
   * Place, size and memory have to be aligned, and only the kernel knows to what.
   */
  async read(offsetBytes: number, target: Uint8Array): Promise<number | undefined> {
    this.#direct ??= { fd: reopen(this.#fd) };
    const { fd } = this.#direct;
    if (fd === undefined) return undefined;
    try {
      return (await readSome(fd, target, 0, target.byteLength, offsetBytes)).bytesRead;
    } catch (error) {
      if (errnoOf(error) === "EINVAL") return undefined;
      throw error;
    }
  }

  close(): void {
    if (this.#direct?.fd !== undefined) closeSync(this.#direct.fd);
    this.#direct = undefined;
  }
}

/** The same file even if its name is another's by now. Whatever the reason is that this fails for, the file is open and can be read. */
function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY + constants.O_DIRECT);
  } catch {
    return undefined;
  }
}
