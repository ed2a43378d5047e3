/**
 * Bytes held in a string, one character (U+0000 to U+00FF) a byte. Names in layers and file systems are bytes, not text: this
 * keeps them exact, makes them keys of a Map, and costs one byte a character in memory.
 */
export type ByteString = string & { readonly byteString: unique symbol };

export function byteString(bytes: Uint8Array): ByteString {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Latin-1 is what makes it one.
  return text as ByteString;
}

/** The UTF-8 bytes of a text. */
export function byteStringOf(text: string): ByteString {
  return byteString(Buffer.from(text, "utf8"));
}

export function bytesOf(text: ByteString): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** For people: UTF-8 where it is, `\xNN` for every byte that is not printable. */
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
