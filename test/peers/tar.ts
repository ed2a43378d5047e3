/** Writes tar members as they are in layers: ustar, with PAX records for values that do not fit. */

interface Common {
  readonly path: string;
  /** Default: 0o644, or 0o755 for a directory. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970, such as "1600000000.123456789". */
  readonly mtime?: string;
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** More PAX records, written unchanged. */
  readonly pax?: Readonly<Record<string, string>>;
}

export type TarMember = Common &
  (
    | { readonly kind?: "file"; readonly data: Uint8Array | string }
    /** Writes only the header: the caller writes `sizeBytes` bytes and the padding to 512 bytes. */
    | { readonly kind: "file-header"; readonly sizeBytes: number }
    | { readonly kind: "directory" | "fifo" }
    | { readonly kind: "symlink" | "hardlink"; readonly target: string }
    | { readonly kind: "character" | "block"; readonly major: number; readonly minor: number }
  );

const BLOCK_BYTES = 512;
const TYPE = {
  file: "0",
  "file-header": "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const;

/** The two zero blocks that end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK_BYTES);

/** Makes a whole archive in memory. */
export function tar(members: readonly TarMember[]): Uint8Array {
  return Buffer.concat([...members.map(tarMember), TAR_END]);
}

/** Returns header, data and padding of one member. */
export function tarMember(member: TarMember): Uint8Array {
  const data = "data" in member ? Buffer.from(member.data) : new Uint8Array(0);
  const sizeBytes = member.kind === "file-header" ? member.sizeBytes : data.byteLength;
  const records = paxRecords(member, sizeBytes);
  const pax = Buffer.concat(records);
  const header = tarHeader(member, sizeBytes);
  if (pax.byteLength === 0) return Buffer.concat([header, padded(data)]);
  const before = ustar({ name: "pax", type: "x", sizeBytes: pax.byteLength });
  return Buffer.concat([before, padded(pax), header, padded(data)]);
}

/** Maps a name to its value in hex. */
export function xattrsOfMember({ xattrs = {} }: TarMember): Record<string, string> {
  const pairs = Object.entries(xattrs).map(([name, value]) => [
    name,
    Buffer.from(value).toString("hex"),
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

function padded(data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(data.byteLength / BLOCK_BYTES) * BLOCK_BYTES);
  whole.set(data);
  return whole;
}

function tarHeader(member: TarMember, sizeBytes: number): Uint8Array {
  const { path, uid = 0, gid = 0, mtime = "1600000000", kind = "file" } = member;
  return ustar({
    name: path,
    type: TYPE[kind],
    sizeBytes,
    mode: member.mode ?? (kind === "directory" ? 0o755 : kind === "symlink" ? 0o777 : 0o644),
    uid,
    gid,
    mtime: Math.max(0, Math.floor(Number(mtime))),
    target: "target" in member ? member.target : "",
    major: "major" in member ? member.major : 0,
    minor: "minor" in member ? member.minor : 0,
  });
}

interface Ustar {
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** Makes a 512-byte header. Numbers that do not fit are 0 and text is cut off: a PAX record has the real value. */
function ustar(fields: Ustar): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  const text = (at: number, bytesMax: number, value: string): void => {
    Buffer.from(value, "utf8").copy(block, at, 0, bytesMax);
  };
  const octal = (at: number, digits: number, value: number): void => {
    const fits = value < 8 ** digits;
    text(at, digits, (fits ? value : 0).toString(8).padStart(digits, "0"));
  };
  text(0, 100, fields.name);
  octal(100, 7, fields.mode ?? 0o644);
  octal(108, 7, fields.uid ?? 0);
  octal(116, 7, fields.gid ?? 0);
  octal(124, 11, fields.sizeBytes);
  octal(136, 11, fields.mtime ?? 0);
  text(148, 8, " ".repeat(8));
  text(156, 1, fields.type);
  text(157, 100, fields.target ?? "");
  text(257, 8, "ustar\u000000");
  octal(329, 7, fields.major ?? 0);
  octal(337, 7, fields.minor ?? 0);
  octal(
    148,
    6,
    block.reduce((sum, byte) => sum + byte, 0),
  );
  block[154] = 0;
  return block;
}

function paxRecords(member: TarMember, sizeBytes: number): Uint8Array[] {
  const { path, uid = 0, gid = 0, mtime = "1600000000", xattrs = {} } = member;
  const target = "target" in member ? member.target : "";
  const wanted: [boolean, string, Uint8Array][] = [
    [utf8(path).byteLength > 100, "path", utf8(path)],
    [utf8(target).byteLength > 100, "linkpath", utf8(target)],
    [sizeBytes >= 8 ** 11, "size", utf8(`${sizeBytes}`)],
    [uid >= 8 ** 7, "uid", utf8(`${uid}`)],
    [gid >= 8 ** 7, "gid", utf8(`${gid}`)],
    [!/^\d{1,10}$/.test(mtime), "mtime", utf8(mtime)],
  ];
  const records = wanted.filter(([needed]) => needed).map(([, key, value]) => record(key, value));
  const extended = Object.entries(xattrs).map(([key, value]) =>
    record(`SCHILY.xattr.${key}`, value),
  );
  const more = Object.entries(member.pax ?? {}).map(([key, value]) => record(key, utf8(value)));
  return [...records, ...extended, ...more];
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text, "utf8");
}

/** "LENGTH KEY=VALUE\n", where the length counts itself. */
function record(key: string, value: Uint8Array): Uint8Array {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  const length = [1, 2, 3, 4, 5, 6, 7]
    .map((digits) => digits + rest.byteLength)
    .find((total, index) => `${total}`.length === index + 1);
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}
