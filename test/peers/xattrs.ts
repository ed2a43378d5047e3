/** Reads extended attributes from the kernel. Neither Node nor Bun has a call for this. */
import { dlopen, ptr } from "bun:ffi";

const libc = dlopen("libc.so.6", {
  llistxattr: { args: ["ptr", "ptr", "u64"], returns: "i64" },
  lgetxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: "i64" },
});
/** The kernel's limit for lists and values (linux/limits.h XATTR_LIST_MAX, XATTR_SIZE_MAX). */
const buffer = Buffer.alloc(65_536);

/** Maps each name to its value in hex. Does not follow symlinks. Empty when the file system has no xattrs. */
export function xattrsOf(path: Buffer): Map<string, string> {
  const name = terminated(path);
  const length = Number(libc.symbols.llistxattr(ptr(name), ptr(buffer), buffer.byteLength));
  const keys = length <= 0 ? [] : buffer.toString("latin1", 0, length - 1).split("\0");
  return new Map(keys.toSorted().map((key) => [key, valueOf(name, key)]));
}

function valueOf(path: Buffer, key: string): string {
  const name = terminated(Buffer.from(key, "latin1"));
  const length = libc.symbols.lgetxattr(ptr(path), ptr(name), ptr(buffer), buffer.byteLength);
  if (length < 0) throw new Error(`Cannot read the extended attribute ${key}`);
  return buffer.toString("hex", 0, Number(length));
}

function terminated(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(1)]);
}
