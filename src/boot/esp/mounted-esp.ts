import type { Content } from "../../fat/data.ts";
import { reasonOf, TandemError } from "../../lib/error.ts";
import type { Mount } from "../../slot/mounts.ts";
import type { DurableFiles } from "../../system/durable-files.ts";
import { isFull } from "../../system/failure.ts";
import type { Esp } from "./esp.ts";

/** The ESP that the kernel has mounted: it may only be changed through it, or the kernel would write over it what it remembers. */
export function mountedEsp(files: DurableFiles, mount: Mount): Esp {
  const at = (path: string): string => `${mount.path === "/" ? "" : mount.path}${path}`;
  const name = `the ESP at ${mount.path}`;
  const refuseReadOnly = (): void => {
    if (mount.isReadOnly) throw readOnly(mount);
  };
  // An unmount does not ask: what was written then lies in the folder below the mount point, where no boot loader looks.
  const refuseGone = (): void => {
    if (files.device(mount.path) !== mount.device) throw gone(mount);
  };
  const see = <T>(what: string, action: () => T): T => attempt(`Cannot ${what} on ${name}`, action);
  const change = async (what: string, action: () => void): Promise<void> => {
    await Promise.resolve();
    see(what, () => {
      refuseReadOnly();
      refuseGone();
      action();
      refuseGone();
    });
  };
  const isThere = (path: string): boolean =>
    see(
      `find ${path}`,
      () => files.list(at(path)) !== undefined || contentAt(files, at(path)) !== undefined,
    );
  return {
    name,
    refuseReadOnly,
    flaw: () => undefined,
    list: (path) => see(`list ${path}`, () => files.list(at(path))),
    read(path) {
      const what = `read ${path}`;
      const content = see(what, () => contentAt(files, at(path)));
      return content && { ...content, read: () => chunksOf(content, `Cannot ${what} on ${name}`) };
    },
    write: (path, content) =>
      change(`write ${path}`, () => writeAndCompare(files, at(path), content)),
    // What is as it should be can stay read-only.
    async remove(path) {
      if (isThere(path)) await change(`remove ${path}`, () => files.remove(at(path)));
    },
    async makeFolder(path) {
      if (!isThere(path)) await change(`make ${path}`, () => files.makeFolder(at(path)));
    },
    // What cuts have left behind only fsck.fat can take back here.
    makeRoom: () => Promise.try(see, "measure the room", () => files.freeBytes(mount.path)),
    close() {},
  };
}

function contentAt(files: DurableFiles, path: string): Content | undefined {
  const slash = path.lastIndexOf("/");
  const folder = files.list(path.slice(0, slash)) ?? [];
  const wanted = path.slice(slash + 1).toLowerCase();
  const found = folder.find(({ name, isFolder }) => !isFolder && name.toLowerCase() === wanted);
  return found && { sizeBytes: found.sizeBytes, read: () => files.read(path) };
}

function writeAndCompare(files: DurableFiles, path: string, content: Content): void {
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

/** The file is read chunk by chunk later, and can fail then. */
function* chunksOf(content: Content, what: string): Generator<Uint8Array> {
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

function gone({ path }: Mount): TandemError {
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
