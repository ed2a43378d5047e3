import { assert } from "../lib/assert.ts";

/** The values that identify a file system. None of them comes from a clock or is random. */
export interface Identity {
  /** "01234567-89ab-cdef-0123-456789abcdef". */
  readonly uuid: string;
  /** At most 16 bytes of UTF-8. */
  readonly label: string;
  /** The creation time of the image, in seconds since 1970. */
  readonly timeSeconds: number;
}

/** The namespace of tandem's UUIDs. */
const NAMESPACE = "5ab0f9c6-3e8d-4d43-9f0e-6a0f2c1d7e54";

/** Returns the UUID for an image in a slot. Equal arguments give equal UUIDs. */
export function identityOf(digest: string, slot: string): string {
  return uuidV5(NAMESPACE, `${digest} ${slot}`);
}

/** Returns the 16-byte seed for the hash of names in indexed directories. */
export function hashSeedOf(uuid: string): Uint8Array {
  return uuidBytes(uuidV5(uuid, "directory hash"));
}

export function uuidBytes(uuid: string): Uint8Array {
  const hex = uuid.replaceAll("-", "");
  assert(/^[0-9a-f]{32}$/i.test(hex), `"${uuid}" is a UUID`);
  return Uint8Array.fromHex(hex);
}

/** RFC 9562, version 5. */
function uuidV5(namespace: string, name: string): string {
  const hash = new Bun.CryptoHasher("sha1").update(uuidBytes(namespace)).update(name).digest();
  const bytes = new Uint8Array(hash.subarray(0, 16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return formatUuid(bytes);
}

/** Formats the 16 bytes of a UUID as text. */
export function formatUuid(bytes: Uint8Array): string {
  const hex = bytes.toHex();
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...groups, hex.slice(20)].join("-");
}
