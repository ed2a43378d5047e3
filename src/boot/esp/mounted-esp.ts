import type { FileContent } from "../../fat/data.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import type { Mount } from "../../slot/mounts.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import { isFull } from "../../system/failure.ts";
import type { Esp } from "./esp.ts";

/** An ESP that the kernel has mounted. It is changed through the mount: the kernel's cache would overwrite what is written past it. */
export function mountedEsp(files: DurableFiles, mount: Mount): Esp {
  const pathOf = (path: string): string => `${mount.path === "/" ? "" : mount.path}${path}`;
  const name = `the ESP at ${mount.path}`;
  const refuseReadOnly = (): void => {
    if (mount.isReadOnly) throw readOnly(mount);
  };
  // After an unmount a write would go to the folder below the mount point, where no boot loader looks.
  const refuseUnmounted = (): void => {
    if (files.device(mount.path) !== mount.device) throw unmounted(mount);
  };
  const read = <T>(what: string, action: () => T): T =>
    attempt(`Cannot ${what} on ${name}`, action);
  const change = async (what: string, action: () => void): Promise<void> => {
    await Promise.resolve();
    read(what, () => {
      refuseReadOnly();
      refuseUnmounted();
      action();
      refuseUnmounted();
    });
  };
  const isThere = (path: string): boolean =>
    read(
      `find ${path}`,
      () => files.list(pathOf(path)) !== undefined || contentAt(files, pathOf(path)) !== undefined,
    );
  return {
    name,
    refuseReadOnly,
    flaw: () => undefined,
    list: (path) => read(`list ${path}`, () => files.list(pathOf(path))),
    read(path) {
      const what = `read ${path}`;
      const content = read(what, () => contentAt(files, pathOf(path)));
      return content && { ...content, read: () => chunksOf(content, `Cannot ${what} on ${name}`) };
    },
    write: (path, content) =>
      change(`write ${path}`, () => writeAndCompare(files, pathOf(path), content)),
    // A read-only mount is no error when there is nothing to change.
    async remove(path) {
      if (isThere(path)) await change(`remove ${path}`, () => files.remove(pathOf(path)));
    },
    async makeFolder(path) {
      if (!isThere(path)) await change(`make ${path}`, () => files.makeFolder(pathOf(path)));
    },
    // Leaked clusters stay: on a mounted FAT only fsck.fat can free them.
    makeRoom: () => Promise.try(read, "measure the room", () => files.freeBytes(mount.path)),
    close() {},
  };
}

function contentAt(files: DurableFiles, path: string): FileContent | undefined {
  const slash = path.lastIndexOf("/");
  const folder = files.list(path.slice(0, slash)) ?? [];
  const wanted = path.slice(slash + 1).toLowerCase();
  const found = folder.find(({ name, isFolder }) => !isFolder && name.toLowerCase() === wanted);
  return found && { sizeBytes: found.sizeBytes, read: () => files.read(path) };
}

function writeAndCompare(files: DurableFiles, path: string, content: FileContent): void {
  const [wanted, found] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
  files.create(path, hashed(content.read(), wanted));
  for (const chunk of files.read(path)) found.update(chunk);
  if (wanted.digest("hex") === found.digest("hex")) return;
  files.remove(path);
  throw new Error("the medium holds something else afterwards");
}

function* hashed(chunks: Iterable<Uint8Array>, hasher: Bun.CryptoHasher): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hasher.update(chunk);
    yield chunk;
  }
}

/** The file is read later, chunk by chunk, and reading can fail then. */
function* chunksOf(content: FileContent, what: string): Generator<Uint8Array> {
  try {
    yield* content.read();
  } catch (cause) {
    throw failed(what, cause);
  }
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw failed(what, cause);
  }
}

function failed(what: string, cause: unknown): TandemError {
  if (cause instanceof TandemError) return cause;
  const code = isFull(cause) ? "no-space" : "boot";
  return new TandemError(code, `${what}: ${reasonOf(cause)}`, { cause });
}

function unmounted({ path }: Mount): TandemError {
  return new TandemError(
    "boot",
    `Cannot write to the ESP at ${path}: it is not mounted there any more`,
    {
      hint: "Leave it mounted or unmounted while tandem works, and run the command again.",
    },
  );
}

function readOnly({ path }: Mount): TandemError {
  return new TandemError("boot", `Cannot write to the ESP at ${path}: it is mounted read-only`, {
    hint: `Unmount it, or run mount -o remount,rw ${path}.`,
  });
}
