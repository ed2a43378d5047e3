import { Fat } from "../../fat/fat.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { asBootError, type Esp } from "./esp.ts";

/** An ESP that is not mounted, read and written by our own FAT. Closing it closes `block`. Throws `boot` when it has no FAT. */
export function rawEsp(block: BlockFile): Esp {
  const fat = openFat(block);
  return {
    name: block.name,
    refuseReadOnly() {},
    flaw: () => attempt(() => fat.flaw()),
    list: (path) => attempt(() => fat.list(path)),
    read: (path) => attempt(() => fat.read(path)),
    write: (path, content) => attemptLater(() => fat.write(path, content)),
    remove: (path) => attemptLater(() => fat.remove(path)),
    makeFolder: (path) => attemptLater(() => fat.makeFolder(path)),
    makeRoom: () =>
      attemptLater(async () => {
        await fat.reclaim();
        return fat.freeBytes;
      }),
    close: () => block.close(),
  };
}

function openFat(block: BlockFile): Fat {
  try {
    return Fat.open(block);
  } catch (error) {
    block.close();
    throw asBootError(error);
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asBootError(error);
  }
}

async function attemptLater<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw asBootError(error);
  }
}
