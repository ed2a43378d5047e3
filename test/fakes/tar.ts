import type { Document } from "../../src/oci/manifest.ts";

export interface TarMember {
  readonly name: string;
  readonly bytes?: Uint8Array;
  /** "0" for files, "2" for symlinks. */
  readonly type?: string;
  readonly prefix?: string;
  /** Default: the size of `bytes`. */
  readonly size?: string | Uint8Array;
  readonly badSum?: boolean;
}

const BLOCK = 512;
const END = new Uint8Array(2 * BLOCK);

/** Makes a ustar archive of these members in this order. */
export function tar(members: readonly TarMember[], end = END): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([...members.flatMap(memberBlocks), end]));
}

/** Returns the files of an OCI image layout with these blobs. */
export function layoutMembers(
  index: Uint8Array,
  blobs: readonly Document[],
  version = "1.0.0",
): TarMember[] {
  const marker = new TextEncoder().encode(JSON.stringify({ imageLayoutVersion: version }));
  return [
    { name: "oci-layout", bytes: marker },
    ...blobs.map(({ bytes, digest }) => ({ name: `blobs/${digest.replace(":", "/")}`, bytes })),
    { name: "index.json", bytes: index },
  ];
}

function memberBlocks({ bytes = new Uint8Array(0), ...member }: TarMember): Uint8Array[] {
  const header = Buffer.alloc(BLOCK);
  header.write(member.name, 0, 100);
  header.write("0000644\0", 100);
  const size = member.size ?? bytes.byteLength.toString(8).padStart(11, "0");
  if (typeof size === "string") header.write(size, 124);
  else header.set(size, 124);
  header.write("        ", 148);
  header.write(member.type ?? "0", 156);
  header.write("ustar\x0000", 257);
  header.write(member.prefix ?? "", 345);
  const sum = header.reduce((total, byte) => total + byte, member.badSum === true ? 1 : 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return [header, bytes, new Uint8Array((BLOCK - (bytes.byteLength % BLOCK)) % BLOCK)];
}
