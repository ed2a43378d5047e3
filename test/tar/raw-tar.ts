/** Writes tar blocks field by field, for headers that standard programs do not write. */

export interface RawHeader {
  readonly name?: string;
  readonly type?: string;
  readonly sizeBytes?: number;
  readonly link?: string;
  /** Default: "ustar\x0000". */
  readonly magic?: string;
  /** Maps an offset to the text that replaces the bytes there, before the checksum is computed. */
  readonly raw?: Readonly<Record<number, string>>;
}

export function rawHeader(header: RawHeader = {}): Buffer {
  const {
    name = "a",
    type = "0",
    sizeBytes = 0,
    link = "",
    magic = "ustar\x0000",
    raw = {},
  } = header;
  const block = Buffer.alloc(512);
  const fields: [number, string][] = [
    [0, name],
    [100, "0000644\0"],
    [108, "0000000\0"],
    [116, "0000000\0"],
    [124, `${sizeBytes.toString(8).padStart(11, "0")}\0`],
    [136, "00000000000\0"],
    [156, type],
    [157, link],
    [257, magic],
    ...Object.entries(raw).map(([at, text]): [number, string] => [Number(at), text]),
  ];
  for (const [at, text] of fields) block.write(text, at, "latin1");
  return checksummed(block);
}

export function checksummed(block: Buffer): Buffer {
  block.write("        ", 148, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Returns the header, `body` and its padding. */
export function rawMember(header: RawHeader, body: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.from(body as string, "latin1");
  const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([rawHeader({ sizeBytes: bytes.length, ...header }), bytes, padding]);
}

export function paxHeader(records: readonly (readonly [string, string])[], type = "x"): Buffer {
  return rawMember(
    { name: "pax", type },
    records.map(([key, value]) => paxRecord(key, value)).join(""),
  );
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const digits =
    [1, 2, 3, 4, 5, 6, 7].find((count) => `${rest.length + count}`.length === count) ?? 0;
  return `${rest.length + digits}${rest}`;
}

export const END: Buffer = Buffer.alloc(1024);
