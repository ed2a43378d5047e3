import type { Content } from "../../fat/data.ts";
import { TandemError } from "../../lib/error.ts";

export interface EspFile {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

/**
 * The EFI system partition. Paths are absolute on it. What changes it is on the medium when it returns: a cut leaves a file as it was,
 * or as it was to be, or not there. Throws `boot`, and `no-space`.
 */
export interface Esp {
  /** What messages call it. */
  readonly name: string;
  /** Throws `boot` when it cannot be changed as it is mounted. */
  refuseReadOnly(): void;
  /** What is wrong with the file system as a whole; undefined: nothing, or the kernel looks after it. Reads all its folders. */
  flaw(): string | undefined;
  /** What is in a folder; undefined when there is none. */
  list(path: string): readonly EspFile[] | undefined;
  /** The bytes of a file; undefined when there is none. */
  read(path: string): Content | undefined;
  /** Makes a file that is not there yet, and reads it back. */
  write(path: string, content: Content): Promise<void>;
  /** Removes a file. Nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  /** Nothing happens when it is there. */
  makeFolder(path: string): Promise<void>;
  /** How many bytes more there is room for, after what cuts have left behind is taken back. */
  makeRoom(): Promise<number>;
  close(): void;
}

/** All of a small text; undefined when there is none, or it is larger than that. */
export function readText(esp: Esp, path: string, bytesMax: number): string | undefined {
  const content = esp.read(path);
  if (content === undefined || content.sizeBytes > bytesMax) return undefined;
  // Each chunk is only valid until the next.
  return Buffer.concat([...content.read()].map((chunk) => Buffer.from(chunk))).toString("utf8");
}

export function isFile(esp: Esp, path: string): boolean {
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1).toLowerCase();
  return (esp.list(path.slice(0, slash)) ?? []).some(
    (file) => !file.isFolder && file.name.toLowerCase() === name,
  );
}

export function contentOf(text: string): Content {
  const bytes = Buffer.from(text, "utf8");
  return { sizeBytes: bytes.byteLength, read: () => [bytes] };
}

/** A device that fails under the boot loader's files is the boot loader's trouble. */
export function asBoot(error: unknown): unknown {
  if (!(error instanceof TandemError) || error.code !== "disk") return error;
  const { message, hint } = error;
  return new TandemError("boot", message, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
