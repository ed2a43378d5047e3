import { type ByteString, byteString } from "../lib/byte-string.ts";
import { Fault } from "./fault.ts";

/**
 * linux/posix_acl_xattr.h: a version, then the tag, permissions and id of each entry. All numbers are little-endian.
 */
const VERSION = 2;
const VERSION_BYTES = 4;
const ENTRY_BYTES = 8;
const NO_ID = 0xffff_ffff;
/** linux/posix_acl.h. The kernel requires entries in this order, and those with the same tag ordered by id. */
const TAGS = {
  user: 0x01,
  namedUser: 0x02,
  group: 0x04,
  namedGroup: 0x08,
  mask: 0x10,
  other: 0x20,
};
const NAMED = { user: TAGS.namedUser, group: TAGS.namedGroup } as const;
/** User, group and other, which every ACL has. An ACL with more entries also has a mask. */
const BASE_ENTRIES = 3;
/** More than fit into a block of ext4. */
const ENTRIES_MAX = 1024;

interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

export interface Acl {
  /** The value of a system.posix_acl_* attribute. */
  readonly value: ByteString;
  /** The permission bits of the mode that Linux gives to a file with this access ACL, 0 … 0o777. */
  readonly permissions: number;
  /** Whether `permissions` expresses the whole ACL. Linux stores no attribute for such an access ACL. */
  readonly isMode: boolean;
}

/**
 * Parses the text form that star, GNU tar and bsdtar write: "user::rwx,user:1000:r-x,group::r-x,mask::rwx,other::---".
 * An entry may have the id as a fourth field. Returns undefined when an entry names a user or group without its number,
 * because tandem cannot look names up in the image's /etc/passwd. Throws a Fault for a malformed ACL.
 */
export function parseAcl(text: string): Acl | undefined {
  const lines = text.split(/[,\n]/).map((line) => line.replace(/#.*/, "").trim());
  const entries = lines.filter((line) => line !== "").map(parseEntry);
  if (entries.length > ENTRIES_MAX) throw new Fault(`its ACL has more than ${ENTRIES_MAX} entries`);
  const known = entries.filter((entry) => entry !== undefined);
  if (known.length < entries.length) return undefined;
  const [user, group, other] = [only(known, "user"), only(known, "group"), only(known, "other")];
  const mask = known.length === BASE_ENTRIES ? group : only(known, "mask");
  return {
    value: encode(known.toSorted((a, b) => a.tag - b.tag || a.id - b.id)),
    permissions: user * 0o100 + mask * 0o10 + other,
    isMode: known.length === BASE_ENTRIES,
  };
}

/** Returns the permissions of the only entry of this kind. Linux refuses an ACL without it or with two of it. */
function only(entries: readonly AclEntry[], kind: "user" | "group" | "other" | "mask"): number {
  const [entry, ...more] = entries.filter(({ tag }) => tag === TAGS[kind]);
  if (entry === undefined || more.length > 0)
    throw new Fault(`its ACL must have exactly one entry for ${kind}`);
  return entry.permissions;
}

function parseEntry(line: string): AclEntry | undefined {
  const match =
    /^(?:default:)?(user|group|mask|other|[ugmo]):([^:]*):([r-][w-][x-])(?::(\d*))?$/.exec(line);
  if (match === null)
    throw new Fault(`its ACL has the entry "${line.slice(0, 80)}", which is malformed`);
  const [, kind = "", name = "", permissions = "", id = ""] = match;
  const number = id === "" ? name : id;
  const tag = tagOf(kind, name);
  if (name === "") return { tag, permissions: bitsOf(permissions), id: NO_ID };
  if (!/^\d+$/.test(number)) return undefined;
  if (Number(number) >= NO_ID) throw new Fault(`its ACL names the id ${number.slice(0, 40)}`);
  return { tag, permissions: bitsOf(permissions), id: Number(number) };
}

function tagOf(kind: string, name: string): number {
  switch (kind.slice(0, 1)) {
    case "u":
      return name === "" ? TAGS.user : NAMED.user;
    case "g":
      return name === "" ? TAGS.group : NAMED.group;
    case "m":
      return TAGS.mask;
    default:
      return TAGS.other;
  }
}

function bitsOf(permissions: string): number {
  const bit = (letter: string, value: number): number => (permissions.includes(letter) ? value : 0);
  return bit("r", 4) + bit("w", 2) + bit("x", 1);
}

function encode(entries: readonly AclEntry[]): ByteString {
  const bytes = Buffer.alloc(VERSION_BYTES + entries.length * ENTRY_BYTES);
  bytes.writeUInt32LE(VERSION, 0);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    const at = VERSION_BYTES + index * ENTRY_BYTES;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(permissions, at + 2);
    bytes.writeUInt32LE(id, at + 4);
  }
  return byteString(bytes);
}
