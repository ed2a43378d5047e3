import type { FileContent } from "../../fat/data.ts";
import { TandemError } from "../../lib/error.ts";

export interface EspFile {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/**
 * An opened EFI system partition. Paths begin at its root. A change is on the medium when the method returns: a power cut before that
 * leaves the old file, the new file, or no file. Throws `boot`, and `no-space`.
 */
export interface Esp {
  /** Its name in messages. */
  readonly name: string;
  /** Throws `boot` when it is mounted read-only. */
  refuseReadOnly(): void;
  /** What is wrong with the file system; undefined: nothing, or the kernel has it mounted. Reads all folders. */
  flaw(): string | undefined;
  /** The files and folders in a folder; undefined: there is no such folder. */
  list(path: string): readonly EspFile[] | undefined;
  /** The bytes of a file; undefined: there is no such file. */
  read(path: string): FileContent | undefined;
  /** Makes a new file, and reads it back. */
  write(path: string, content: FileContent): Promise<void>;
  /** Removes a file, if there is one. */
  remove(path: string): Promise<void>;
  /** Makes a folder, if there is none. */
  makeFolder(path: string): Promise<void>;
  /** Frees the clusters that power cuts have leaked, and returns the number of free bytes. */
  makeRoom(): Promise<number>;
  close(): void;
}

/** The text of a small file; undefined: there is no such file, or it is larger than `bytesMax`. */
export function readEspText(esp: Esp, path: string, bytesMax: number): string | undefined {
  const content = esp.read(path);
  if (content === undefined || content.sizeBytes > bytesMax) return undefined;
  // A chunk is only valid until the next one is read.
  return Buffer.concat([...content.read()].map((chunk) => Buffer.from(chunk))).toString("utf8");
}

export function isFile(esp: Esp, path: string): boolean {
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1).toLowerCase();
  return (esp.list(path.slice(0, slash)) ?? []).some(
    (file) => !file.isFolder && file.name.toLowerCase() === name,
  );
}

export function contentOf(text: string): FileContent {
  const bytes = Buffer.from(text, "utf8");
  return { sizeBytes: bytes.byteLength, read: () => [bytes] };
}

/** An error of the device below the boot loader's files is reported as an error of the boot loader. */
export function asBootError(error: unknown): unknown {
  if (!(error instanceof TandemError) || error.code !== "disk") return error;
  const { message, hint } = error;
  return new TandemError("boot", message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
