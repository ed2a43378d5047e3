import { viewOf } from "../lib/view.ts";
import type { ByteString } from "../lib/byte-string.ts";
import { byteString, bytesOf } from "../lib/byte-string.ts";

/** The form of setxattr(2) and of archives: version 2, then entries with tag, permissions and id. */
const XATTR_VERSION = 2;
const HEADER_BYTES = 4;
const XATTR_ENTRY_BYTES = 8;
/** The form of ext4, fs/ext4/acl.h: version 1, and an id only in entries for a named user or group. */
const DISK_VERSION = 1;
const TAG_USER = 0x02;
const TAG_GROUP = 0x08;

/** Encodes a POSIX ACL in the form of ext4. Undefined when `value` is no valid ACL. */
export function encodeAcl(value: ByteString): ByteString | undefined {
  const source = viewOf(bytesOf(value));
  const entryBytes = source.byteLength - HEADER_BYTES;
  if (entryBytes < 0 || entryBytes % XATTR_ENTRY_BYTES !== 0) return undefined;
  if (source.getUint32(0, true) !== XATTR_VERSION) return undefined;
  const bytes = new Uint8Array(source.byteLength);
  const target = viewOf(bytes);
  target.setUint32(0, DISK_VERSION, true);
  let end = HEADER_BYTES;
  for (let at = HEADER_BYTES; at < source.byteLength; at += XATTR_ENTRY_BYTES) {
    const tag = source.getUint16(at, true);
    target.setUint32(end, source.getUint32(at, true), true);
    end += 4;
    if (tag !== TAG_USER && tag !== TAG_GROUP) continue;
    target.setUint32(end, source.getUint32(at + 4, true), true);
    end += 4;
  }
  return byteString(bytes.subarray(0, end));
}
