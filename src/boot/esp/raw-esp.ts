import { Fat } from "../../fat/fat.ts";
import type { BlockFile } from "../../system/block-file.ts";
import { asBoot, type Esp } from "./esp.ts";

/** The ESP that nobody has mounted, through our own FAT. Closing it closes `block`. Throws `boot` when there is no FAT on it. */
export function rawEsp(block: BlockFile): Esp {
  const fat = opened(block);
  return {
    name: block.name,
    refuseReadOnly() {},
    flaw: () => now(() => fat.flaw()),
    list: (path) => now(() => fat.list(path)),
    read: (path) => now(() => fat.read(path)),
    write: (path, content) => later(() => fat.write(path, content)),
    remove: (path) => later(() => fat.remove(path)),
    makeFolder: (path) => later(() => fat.makeFolder(path)),
    makeRoom: () =>
      later(async () => {
        await fat.reclaim();
        return fat.freeBytes;
      }),
    close: () => block.close(),
  };
}

function opened(block: BlockFile): Fat {
  try {
    return Fat.open(block);
  } catch (error) {
    block.close();
    throw asBoot(error);
  }
}

function now<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asBoot(error);
  }
}

async function later<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw asBoot(error);
  }
}
