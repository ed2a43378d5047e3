import { type ByteString, byteString, byteStringOf, bytesOf } from "../lib/byte-string.ts";
import { parseAcl } from "./acl.ts";
import type { Time } from "./entry.ts";
import { Fault, quoted } from "./fault.ts";
import { readDecimal } from "./field.ts";
import { parsePaxTime } from "./pax.ts";
import { readList, SparseMap } from "./sparse.ts";

/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux. */
const XATTR_NAME_BYTES_MAX = 255;
const XATTR_VALUE_BYTES_MAX = 65_536;

const SCHILY_XATTR = "SCHILY.xattr.";
const LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";

/** The PAX records that describe a sparse file. */
export interface PaxSparse {
  major?: string;
  minor?: string;
  /** The size of the file, holes included. */
  sizeBytes?: number;
  /** Format 0.0: an offset whose size is still to come. */
  offsetBytes?: number;
  /** Only in formats 0.0 and 0.1: format 1.0 has its map in the body. */
  map?: SparseMap;
}

/**
 * The content of all extended headers of one member. An undefined field leaves the value of the member's own header.
 */
export class Extended {
  /** From GNU long name headers. They take precedence over PAX in any order, as in Go's archive/tar. */
  longName: ByteString | undefined;
  longLink: ByteString | undefined;
  path: ByteString | undefined;
  linkPath: ByteString | undefined;
  /** The lower nine bits of the mode, from an ACL. */
  permissions: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
  sizeBytes: number | undefined;
  mtime: Time | undefined;
  major: number | undefined;
  minor: number | undefined;
  /** The name of a sparse file. Its `path` is a placeholder for programs that cannot read sparse files. */
  sparseName: ByteString | undefined;
  readonly sparse: PaxSparse = {};
  readonly xattrs = new Map<ByteString, ByteString>();
  /** Problems that do not stop the reader. They are reported later, together with the member's path. */
  readonly warnings: string[] = [];

  /** Applies one PAX record. Ignores unknown keys, such as access times, user names and hints of other tools. */
  set(key: ByteString, value: ByteString): void {
    const record = RECORDS.get(key);
    // POSIX: an empty value means that the header's value counts. For an xattr an empty value is a value.
    if (record !== undefined) return value === "" ? undefined : record(this, value);
    if (key.startsWith(SCHILY_XATTR)) this.setXattr(after(key, SCHILY_XATTR), value);
    else if (key.startsWith(LIBARCHIVE_XATTR))
      this.setXattr(percentDecoded(after(key, LIBARCHIVE_XATTR)), base64Decoded(value));
  }

  setXattr(name: ByteString, value: ByteString): void {
    if (name === "" || name.length > XATTR_NAME_BYTES_MAX)
      throw new Fault(
        `an xattr has a name of ${name.length} bytes, not 1 to ${XATTR_NAME_BYTES_MAX}`,
      );
    if (value.length > XATTR_VALUE_BYTES_MAX)
      throw new Fault(
        `its xattr ${quoted(name)} has ${value.length} bytes, more than ${XATTR_VALUE_BYTES_MAX}`,
      );
    this.xattrs.set(name, value);
  }

  /** An access ACL also sets the permission bits, because bsdtar does not put the ACL's mask into the mode. */
  setAcl(kind: "access" | "default", text: ByteString): void {
    const acl = parseAcl(text);
    if (acl === undefined)
      this.warnings.push(`its ACL ${quoted(text)} names users without numbers and is left out`);
    else if (kind === "default" || !acl.isMode)
      this.setXattr(byteStringOf(`system.posix_acl_${kind}`), acl.value);
    if (acl !== undefined && kind === "access") this.permissions = acl.permissions;
  }
}

type Record = (extended: Extended, value: ByteString) => void;

/**
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "pax Extended Header". SCHILY keys are from
 * star(5), GNU keys from the manual of GNU tar. GNU tar writes RHT.security.selinux with its option --selinux.
 */
const RECORDS: ReadonlyMap<string, Record> = new Map<string, Record>([
  ["path", (extended, value) => void (extended.path = value)],
  ["linkpath", (extended, value) => void (extended.linkPath = value)],
  ["uid", (extended, value) => void (extended.uid = readDecimal(value, "its PAX uid"))],
  ["gid", (extended, value) => void (extended.gid = readDecimal(value, "its PAX gid"))],
  ["size", (extended, value) => void (extended.sizeBytes = readDecimal(value, "its PAX size"))],
  ["mtime", (extended, value) => void (extended.mtime = parsePaxTime(value))],
  [
    "SCHILY.devmajor",
    (extended, value) => void (extended.major = readDecimal(value, "its device major")),
  ],
  [
    "SCHILY.devminor",
    (extended, value) => void (extended.minor = readDecimal(value, "its device minor")),
  ],
  ["SCHILY.acl.access", (extended, value) => extended.setAcl("access", value)],
  ["SCHILY.acl.default", (extended, value) => extended.setAcl("default", value)],
  [
    "RHT.security.selinux",
    // The attribute ends with a NUL, which the record leaves out.
    (extended, value) => extended.setXattr(byteStringOf("security.selinux"), concat(value, NUL)),
  ],
  ["GNU.sparse.name", (extended, value) => void (extended.sparseName = value)],
  ["GNU.sparse.major", ({ sparse }, value) => void (sparse.major = value)],
  ["GNU.sparse.minor", ({ sparse }, value) => void (sparse.minor = value)],
  [
    "GNU.sparse.size",
    ({ sparse }, value) => void (sparse.sizeBytes = readDecimal(value, "its size")),
  ],
  [
    "GNU.sparse.realsize",
    ({ sparse }, value) => void (sparse.sizeBytes = readDecimal(value, "its size")),
  ],
  ["GNU.sparse.map", ({ sparse }, value) => readList((sparse.map = new SparseMap()), value)],
  ["GNU.sparse.offset", ({ sparse }, value) => addSparseOffset(sparse, value)],
  ["GNU.sparse.numbytes", ({ sparse }, value) => addSparseSize(sparse, value)],
]);

/** Format 0.0 has a pair of records, offset and size, for each run. */
function addSparseOffset(sparse: PaxSparse, value: string): void {
  if (sparse.offsetBytes !== undefined)
    throw new Fault("its sparse map has an offset without a size");
  sparse.offsetBytes = readDecimal(value, "its sparse map:");
}

function addSparseSize(sparse: PaxSparse, value: string): void {
  if (sparse.offsetBytes === undefined)
    throw new Fault("its sparse map has a size without an offset");
  sparse.map ??= new SparseMap();
  sparse.map.add(sparse.offsetBytes, readDecimal(value, "its sparse map:"));
  delete sparse.offsetBytes;
}

const NUL = byteString(new Uint8Array(1));

function concat(first: ByteString, second: ByteString): ByteString {
  return byteString(Buffer.concat([bytesOf(first), bytesOf(second)]));
}

function after(key: ByteString, prefix: string): ByteString {
  return byteString(bytesOf(key).subarray(prefix.length));
}

function percentDecoded(text: ByteString): ByteString {
  const decoded = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return byteString(Buffer.from(decoded, "latin1"));
}

function base64Decoded(text: ByteString): ByteString {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Fault("an xattr of it is not in base64");
  return byteString(Buffer.from(text, "base64"));
}
