import type { ByteString } from "../lib/byte-string.ts";
import { byteStringOf, display } from "../lib/byte-string.ts";
import { reasonOf, TandemError } from "../lib/error.ts";
import { errnoOf, permissionHint } from "../system/failure.ts";
import type { FileStatus } from "../system/file-status.ts";
import { type FileXattr, type Folder, type FolderFile, openFolder } from "../system/folder.ts";
import type { Entry, Time } from "../tar/entry.ts";
import type { Exclusions } from "./exclusions.ts";

/** Each level has a descriptor open, of which a process may have 1024. No real system is a tenth as deep. */
const DEPTH_MAX = 400;
/** Errors of a path that is not what it was when its name was read. */
const MOVED: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "ENODATA",
  "ENXIO",
  "ESTALE",
]);
const ROOT = byteStringOf("");
const EPOCH = { seconds: 0, nanoseconds: 0 };

/** One file of a folder. */
export interface WalkedFile {
  /** The extents of a regular file are not known yet. */
  readonly entry: Entry;
  readonly status: FileStatus;
  /** The data of a regular file. It is closed when the next file is asked for. */
  readonly file: FolderFile | undefined;
}

export interface WalkOptions {
  readonly path: string;
  readonly exclusions: Exclusions;
  /** Called for what is left out, with the reason. */
  readonly onLeftOut: (kind: "mount" | "socket", path: ByteString) => void;
}

/**
 * Walks through all files of a folder, always in the same order: a directory before what it holds, names sorted by
 * their bytes. Stays in the folder and in its file system. Throws a TandemError with the name of the file.
 */
export function* walkFolder(options: WalkOptions): WalkedFiles {
  const walk = new Walk(options);
  const folder = walk.named(ROOT, () => openFolder(options.path));
  try {
    const status = walk.named(ROOT, () => folder.status());
    const xattrs = walk.named(ROOT, () => folder.xattrs());
    const top = { path: ROOT, status, depth: 1 };
    const mtime = walk.timeOf(top, () => openFolder(options.path));
    yield {
      entry: { ...common(ROOT, status, xattrs), mtime, kind: "directory" },
      status,
      file: undefined,
    };
    yield* walk.inside(folder, top);
  } finally {
    folder.close();
  }
}

/** An error "content": the file is not what it was a moment ago. */
export function changed(folder: string, path: ByteString, what: string): TandemError {
  return new TandemError("content", `Cannot read ${shown(path)} of dir:${folder}: ${what}`, {
    hint: "Stop what writes there, leave it out with --exclude, or read a snapshot.",
  });
}

interface Level {
  readonly path: ByteString;
  readonly status: FileStatus;
  readonly depth: number;
}

/** A name that the walk has met in an open directory. */
interface MetName extends Level {
  readonly folder: Folder;
  readonly name: ByteString;
}

type WalkedFiles = Generator<WalkedFile, void>;

class Walk {
  readonly #options: WalkOptions;
  /** The first path of each file that has several names. */
  readonly #firstNames = new Map<string, ByteString>();

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  *inside(folder: Folder, level: Level): WalkedFiles {
    for (const name of this.named(level.path, () => folder.names())) {
      const path = joined(level.path, name);
      if (this.#options.exclusions.has(path)) continue;
      const status = this.named(path, () => folder.statusOf(name));
      if (status === undefined) throw this.#changed(path, "it is gone");
      if (isMountPoint(status, level.status)) {
        this.#options.onLeftOut("mount", path);
        yield { entry: mountPoint(path, status), status, file: undefined };
      } else if (status.kind === "socket") this.#options.onLeftOut("socket", path);
      else yield* this.#file({ folder, name, path, status, depth: level.depth + 1 });
    }
  }

  *#file(met: MetName): WalkedFiles {
    const { folder, name, path, status } = met;
    const member = common(
      path,
      status,
      this.named(path, () => folder.xattrsOf(name)),
    );
    const target = this.#firstName(path, status);
    if (target !== undefined)
      yield { entry: { ...member, kind: "hardlink", target }, status, file: undefined };
    else if (status.kind === "file") yield* this.#regular(met, regular(member, status));
    else yield { entry: this.#special(met, member), status, file: undefined };
    if (status.kind === "directory") yield* this.#directory(met);
  }

  /** The entry of what has no data. */
  #special(met: MetName, member: Common): Entry {
    const { folder, name, path, status } = met;
    switch (status.kind) {
      case "symlink":
        return {
          ...member,
          kind: "symlink",
          target: this.named(path, () => folder.linkTarget(name)),
        };
      case "character":
      case "block":
        return { ...member, kind: status.kind, major: status.major, minor: status.minor };
      case "directory":
        return { ...member, mtime: this.timeOf(met, () => folder.folder(name)), kind: "directory" };
      case "fifo":
        return { ...member, kind: "fifo" };
      case "file":
      case "socket":
        throw new Error(`Assertion failed: a ${status.kind} is no special file`);
    }
  }

  /**
   * The time of a directory. A container runtime makes mount points when a container starts, which changes the time of
   * the directories around them. Then it is the time of the newest file in the directory, so that the same image has
   * the same digest in each container.
   */
  timeOf({ path, status }: Level, open: () => Folder): Time {
    const { exclusions } = this.#options;
    if (!exclusions.hasSkipped) return status.mtime;
    let [newest, isChanged]: [Time, boolean] = [EPOCH, false];
    // Its names can be read only once.
    const folder = this.named(path, open);
    try {
      for (const name of this.named(path, () => folder.names())) {
        const child = this.named(path, () => folder.statusOf(name));
        if (child === undefined) continue;
        if (isMountPoint(child, status)) isChanged = true;
        else if (exclusions.has(joined(path, name)) || child.kind === "directory") continue;
        else if (isLater(child.mtime, newest)) newest = child.mtime;
      }
    } finally {
      folder.close();
    }
    return isChanged ? newest : status.mtime;
  }

  *#directory(met: MetName): WalkedFiles {
    const { folder, name, path, status, depth } = met;
    if (depth > DEPTH_MAX) {
      const what = `${shown(path)} of dir:${this.#options.path}`;
      throw new TandemError(
        "content",
        `Cannot read ${what}: it is deeper than ${DEPTH_MAX} directories`,
      );
    }
    const opened = this.named(path, () => folder.folder(name));
    try {
      this.#refuseOther(
        path,
        status,
        this.named(path, () => opened.status()),
      );
      yield* this.inside(opened, met);
    } finally {
      opened.close();
    }
  }

  *#regular({ folder, name, path, status }: MetName, entry: Entry): WalkedFiles {
    const file = this.named(path, () => folder.file(name));
    try {
      this.#refuseOther(path, status, file.status());
      yield { entry, status, file };
      if (file.status().version !== status.version)
        throw this.#changed(path, "it changed while it was read");
    } finally {
      file.close();
    }
  }

  /** Throws when another file has taken the name since its status was read. */
  #refuseOther(path: ByteString, before: FileStatus, opened: FileStatus): void {
    if (before.identity !== opened.identity || before.kind !== opened.kind)
      throw this.#changed(path, "another file has taken its place");
  }

  /** The first name of a file that the walk has met before. */
  #firstName(path: ByteString, { kind, links, identity }: FileStatus): ByteString | undefined {
    if (kind === "directory" || links < 2) return undefined;
    const first = this.#firstNames.get(identity);
    if (first === undefined) this.#firstNames.set(identity, path);
    return first;
  }

  #changed(path: ByteString, what: string): TandemError {
    return changed(this.#options.path, path, what);
  }

  /** Performs a call of the system, and names the file in its error. */
  named<T>(path: ByteString, action: () => T): T {
    try {
      return action();
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      if (path !== ROOT && MOVED.has(errno)) throw this.#changed(path, `it changed (${errno})`);
      throw new TandemError(
        "source",
        `Cannot read ${shown(path)} of dir:${this.#options.path}: ${reasonOf(error)}`,
        {
          cause: error,
          ...permissionHint(error),
        },
      );
    }
  }
}

/** Before Linux 5.8 only the number of the file system tells. Of a file that may be the one below an overlay. */
function isMountPoint(status: FileStatus, above: FileStatus): boolean {
  return (
    status.isMountPoint ?? (status.kind === "directory" && status.fileSystem !== above.fileSystem)
  );
}

function isLater(one: Time, other: Time): boolean {
  return one.seconds === other.seconds
    ? one.nanoseconds > other.nanoseconds
    : one.seconds > other.seconds;
}

/** What stays of a mount point: an empty directory, or an empty file. Its time is of the other file system. */
function mountPoint(path: ByteString, status: FileStatus): Entry {
  const member = { ...common(path, status, []), mtime: EPOCH };
  if (status.kind === "directory") return { ...member, kind: "directory" };
  return { ...member, kind: "file", sizeBytes: 0, extents: [] };
}

type Common = Omit<Extract<Entry, { kind: "fifo" }>, "kind">;

function common(path: ByteString, status: FileStatus, xattrs: readonly FileXattr[]): Common {
  const { mode, uid, gid, mtime } = status;
  return { path, mode, uid, gid, mtime, xattrs: xattrs.toSorted(byName) };
}

/** File systems list attributes in different orders. */
function byName(one: FileXattr, other: FileXattr): number {
  return one.name < other.name ? -1 : 1;
}

function regular(member: Common, { sizeBytes }: FileStatus): Entry {
  return { ...member, kind: "file", sizeBytes, extents: [] };
}

function joined(folder: ByteString, name: ByteString): ByteString {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Bytes after bytes are bytes.
  return folder === ROOT ? name : (`${folder}/${name}` as ByteString);
}

function shown(path: ByteString): string {
  return path === ROOT ? "the top" : `"${display(path)}"`;
}
