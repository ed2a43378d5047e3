/** The memory in the files of a folder: "state-0", "state-1", "beside-0" and "beside-1". */
import type { DurableFiles } from "../system/durable-files.ts";
import { describing, FileFault } from "../system/failure.ts";
import type { MemoryStorage, MemoryPart } from "./memory-storage.ts";
import { BLOCK_BYTES } from "../disk/chunk.ts";
import { STATE_BYTES } from "./state-copy.ts";

const NAMES = ["state-0", "state-1", "beside-0", "beside-1"];
/** The file of the first write. */
const [FIRST] = NAMES;

/** The first write makes the folder, whose parent must exist. */
export function folderMemory(files: DurableFiles, folder: string): MemoryStorage {
  const pathOf = (name: string): string => `${folder}/${name}`;
  // Files of other programs are left alone.
  const names = (): string[] =>
    (files.list(folder) ?? []).map(({ name }) => name).filter((name) => NAMES.includes(name));
  const change = (action: () => void): Promise<void> => Promise.try(attempt, folder, action);
  return {
    read: (part, copy) =>
      attempt(folder, () => {
        const name = nameOf(part, copy);
        return names().includes(name) ? bytesOf(files, pathOf(name)) : new Uint8Array(BLOCK_BYTES);
      }),
    // The other copy is in force, so a power cut between removal and creation loses nothing.
    write: (part, copy, bytes) =>
      change(() => {
        const path = pathOf(nameOf(part, copy));
        files.makeFolder(folder);
        files.remove(path);
        files.create(path, [bytes]);
        if (Buffer.compare(bytesOf(files, path), bytes) !== 0)
          throw new FileFault(path, "the medium holds something else afterwards", "EIO");
      }),
    isBlank: () => attempt(folder, () => names().every((name) => name === FIRST)),
    empty: () =>
      change(() => {
        for (const name of names()) files.remove(pathOf(name));
      }),
  };
}

function nameOf(part: MemoryPart, copy: 0 | 1): string {
  return `${part}-${copy}`;
}

/** The bytes of a file, and not many more than a copy may have. */
function bytesOf(files: DurableFiles, path: string): Uint8Array {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for (const chunk of files.read(path)) {
    // A chunk is valid until the next one is read.
    chunks.push(Buffer.from(chunk));
    sizeBytes += chunk.byteLength;
    if (sizeBytes > STATE_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function attempt<T>(folder: string, action: () => T): T {
  return describing(`use tandem's memory in ${folder}`, action);
}
