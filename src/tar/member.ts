import type { ByteString } from "../lib/byte-string.ts";
import type { Entry, Time, Xattr } from "./entry.ts";
import type { Extended } from "./extended.ts";
import { Fault, quoted } from "./fault.ts";
import type { Header } from "./header.ts";
import { cleanPath, cleanTarget } from "./path.ts";

/** The largest id. 2^32 - 1 is no id: it means "no change" for chown(2). */
const ID_MAX = 2 ** 32 - 2;
/** MINORBITS and MINORMASK of Linux (linux/kdev_t.h): 12 bits and 20 bits. */
const MAJOR_MAX = 2 ** 12 - 1;
const MINOR_MAX = 2 ** 20 - 1;
/** PATH_MAX of Linux without the NUL. */
const SYMLINK_BYTES_MAX = 4095;

const NO_XATTRS: readonly Xattr[] = [];

/** Returns the member's name with extended headers applied, before it is cleaned. */
export function nameOf(header: Header, extended: Extended | undefined): ByteString {
  if (extended === undefined) return header.name;
  return extended.sparseName ?? extended.longName ?? extended.path ?? header.name;
}

function linkOf(header: Header, extended: Extended | undefined): ByteString {
  return extended?.longLink ?? extended?.linkPath ?? header.linkName;
}

/**
 * Makes the entry of a member with the name `name`. The caller sets a file's `sizeBytes` and `extents` after its body.
 */
export function entryOf(header: Header, name: ByteString, extended: Extended | undefined): Entry {
  const kind = kindOf(header, name);
  const base = baseOf(kind, header, { name, extended });
  switch (kind) {
    case "file":
      return { ...base, kind, sizeBytes: 0, extents: [] };
    case "hardlink":
      return { ...base, kind, target: cleanTarget(linkOf(header, extended)) };
    case "symlink":
      return { ...base, kind, target: symlinkTarget(linkOf(header, extended)) };
    case "character":
    case "block":
      return { ...base, kind, ...deviceOf(header, extended) };
    case "directory":
    case "fifo":
      return { ...base, kind };
  }
}

interface Naming {
  readonly name: ByteString;
  readonly extended: Extended | undefined;
}

/**
 * Returns the fields that all kinds have. `kind` is among them so that it is the first key of every entry: objects with
 * the same order of keys make the loops that read them fast.
 */
function baseOf(
  kind: Entry["kind"],
  header: Header,
  { name, extended }: Naming,
): Pick<Entry, keyof Entry> {
  return {
    kind,
    path: cleanPath(name),
    mode: modeOf(kind, header.mode, extended?.permissions),
    uid: id(extended?.uid ?? header.uid, "uid"),
    gid: id(extended?.gid ?? header.gid, "gid"),
    mtime: extended?.mtime ?? timeOf(header.mtimeSeconds),
    xattrs: xattrsOf(kind, extended),
  };
}

let lastTime: Time = { seconds: 0, nanoseconds: 0 };

/**
 * Neighbours in a layer often have the same time. They share one object, which saves memory here and in messages to
 * threads.
 */
function timeOf(seconds: number): Time {
  if (lastTime.seconds !== seconds) lastTime = { seconds, nanoseconds: 0 };
  return lastTime;
}

function kindOf({ type }: Header, name: ByteString): Entry["kind"] {
  switch (type) {
    case "\0": // v7 marks a directory only by the slash at the end of its name.
      return name.endsWith("/") ? "directory" : "file";
    case "0":
    case "7": // Contiguous: a hint for the file system.
    case "S": // Sparse.
      return "file";
    case "1":
      return "hardlink";
    case "2":
      return "symlink";
    case "3":
      return "character";
    case "4":
      return "block";
    case "5":
      return "directory";
    case "6":
      return "fifo";
    default:
      throw new Fault(`its type ${JSON.stringify(type)} is not one that layers have`);
  }
}

/**
 * Leaves out the attributes that Linux does not allow on this kind of file, because no program could read or remove
 * them. Warns of each.
 */
function xattrsOf(kind: Entry["kind"], extended: Extended | undefined): readonly Xattr[] {
  if (extended === undefined || extended.xattrs.size === 0) return NO_XATTRS;
  return [...extended.xattrs].flatMap(([name, value]) => {
    if (kindsWith(name)?.has(kind) === false) {
      const what = kind === "character" || kind === "block" ? `${kind} device` : kind;
      extended.warnings.push(`its xattr ${quoted(name)} is left out: no ${what} can have it`);
      return [];
    }
    return [{ name, value }];
  });
}

/** A hard link stands for its target, which may be of any kind. */
const DIRECTORIES: ReadonlySet<Entry["kind"]> = new Set(["directory", "hardlink"]);
const WITH_CONTENT: ReadonlySet<Entry["kind"]> = new Set([...DIRECTORIES, "file"]);
const WITH_MODE: ReadonlySet<Entry["kind"]> = new Set([
  ...WITH_CONTENT,
  "character",
  "block",
  "fifo",
]);

/**
 * Returns the kinds that may have this attribute, undefined for all kinds. See xattr_permission() in fs/xattr.c and
 * set_posix_acl() in fs/posix_acl.c of Linux.
 */
function kindsWith(name: ByteString): ReadonlySet<Entry["kind"]> | undefined {
  if (name.startsWith("user.")) return WITH_CONTENT;
  if (name === "system.posix_acl_default") return DIRECTORIES;
  return name === "system.posix_acl_access" ? WITH_MODE : undefined;
}

function symlinkTarget(target: ByteString): ByteString {
  if (target === "" || target.length > SYMLINK_BYTES_MAX)
    throw new Fault(`its target has ${target.length} bytes, not 1 to ${SYMLINK_BYTES_MAX}`);
  return target;
}

function deviceOf(
  header: Header,
  extended: Extended | undefined,
): { major: number; minor: number } {
  const major = extended?.major ?? header.major;
  const minor = extended?.minor ?? header.minor;
  if (major < 0 || major > MAJOR_MAX || minor < 0 || minor > MINOR_MAX)
    throw new Fault(`its device number ${major}:${minor} is beyond ${MAJOR_MAX}:${MINOR_MAX}`);
  return { major, minor };
}

function id(value: number, what: string): number {
  if (value < 0 || value > ID_MAX) throw new Fault(`its ${what} ${value} is not 0 to ${ID_MAX}`);
  return value;
}

/** The mode field may include the file type, which is cut off. In Linux every symlink has the mode 0777. */
function modeOf(kind: Entry["kind"], mode: number, permissions = mode % 0o1000): number {
  if (mode < 0) throw new Fault("its mode is negative");
  if (kind === "symlink") return 0o777;
  return (mode % 0o10000) - (mode % 0o1000) + permissions;
}
