/**
 * Bytes held in a string: one character (U+0000 to U+00FF) for each byte. Names in layers and file systems are bytes,
 * not text. A ByteString keeps them exact, can be the key of a Map, and takes one byte of memory for each character.
 */
export type ByteString = string & { readonly byteString: unique symbol };

export function byteString(bytes: Uint8Array): ByteString {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Latin-1 has one character for each byte.
  return text as ByteString;
}

/** The UTF-8 bytes of a text. */
export function byteStringOf(text: string): ByteString {
  return byteString(Buffer.from(text, "utf8"));
}

export function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, "latin1");
}

/**
 * Returns text for people: valid UTF-8 is decoded, and control characters become `\xNN`. Without valid UTF-8 every byte
 * that is not printable ASCII becomes `\xNN`.
 */
export function display(text: ByteString): string {
  const bytes = bytesOf(text);
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return decoded.replaceAll(/\p{Cc}/gu, (char) => escapeByte(char.charCodeAt(0)));
  } catch {
    return [...bytes]
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escapeByte(byte)))
      .join("");
  }
}

function escapeByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
