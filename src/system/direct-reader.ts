import { closeSync, constants, openSync, read } from "node:fs";
import { promisify } from "node:util";
import { errnoOf } from "./failure.ts";

const readSome = promisify(read);

/**
 * Reads an open file or device with O_DIRECT: the device writes the bytes to the target, without the page cache and its
 * copy. The kernel first writes dirty pages of the range to the medium. See open(2).
 */
export class DirectReader {
  readonly #fd: number;
  /**
   * Opened by the first read, because most files are never read with O_DIRECT. `fd` is undefined when the file system
   * does not support it.
   */
  #direct: { readonly fd: number | undefined } | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Reads into `target` in another thread of the runtime. Returns the number of bytes, 0 at the end of the file, or
   * undefined when O_DIRECT does not work: not for this file, or not for this alignment of offset, size and memory.
   * Only the kernel knows the alignment it needs.
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

/**
 * Opens the same file again, even if its name now belongs to another file. Errors do not matter: the caller can still
 * read through `fd`.
 */
function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY + constants.O_DIRECT);
  } catch {
    return undefined;
  }
}
